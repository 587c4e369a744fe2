-- Schema version 8: which loop an event is about, or whose credentials were refused.
ALTER TABLE event ADD COLUMN about TEXT; -- NULL where the kind says all
-- Up to now the detail began with it.
UPDATE event SET about = substr(detail, 1, instr(detail || ':', ':') - 1) WHERE kind = 'loop_detected'
    AND substr(detail, 1, instr(detail || ':', ':') - 1)
    IN ('challenges_without_acknowledgment', 'provisions_again_and_again', 'refusal_storm', 'new_device_ids');
UPDATE event SET about = CASE
        WHEN substr(detail, 1, 18) = 'by the credentials' THEN 'itself'
        WHEN substr(detail, 1, 20) = 'ten requests in vain' THEN 'last_stranger'
        ELSE 'stranger'
    END WHERE kind = 'sign_in_refused';
