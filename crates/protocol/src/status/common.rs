//! The common status codes, 101 to 184 (\[MS-ASCMD\] 2.2.2): one row each, which also names the constant in [`Status`].
//!
//! They exist from 14.0 on, with HTTP 200. The number after the version is the HTTP status that 12.1 and older get
//! in their place; `none` where those versions cannot meet the condition. 157 to 159 and 180 to 182 are not assigned.

use super::{Scope, Status, StatusRow};
use crate::version::ProtocolVersion;

macro_rules! common {
    (@http none) => { None };
    (@http $http:literal) => { Some($http) };
    ($($code:literal $constant:ident $name:ident $version:ident $http:tt, $meaning:literal, $cause:literal, $resolution:literal;)+) => {
        impl Status {
            $(#[doc = concat!($code, " ", stringify!($name), ": ", $meaning)] pub const $constant: Self = Self($code);)+
        }

        const ALL: &[StatusRow] = &[$(StatusRow {
            scope: Scope::Common,
            code: $code,
            name: stringify!($name),
            meaning: $meaning,
            cause: $cause,
            resolution: $resolution,
            first_version: ProtocolVersion::$version,
            http: common!(@http $http),
            section: "[MS-ASCMD] 2.2.2",
        }),+];
    };
}

/// Every common code, in rising order.
pub(super) static ROWS: &[StatusRow] = ALL;

/// What 12.1 and older get in place of a common code; for the rows that are computed when this is compiled.
pub(super) const fn http(code: u16) -> Option<u16> {
    let mut rows = ALL;
    while let [row, rest @ ..] = rows {
        if row.code == code {
            return row.http;
        }
        rows = rest;
    }
    None
}

common! {
    101 INVALID_CONTENT InvalidContent V14_0 400,
        "The body of the request cannot be used.",
        "Its Content-Type or length is wrong, or the command needs a body and none came.",
        "Send the body as application/vnd.ms-sync.wbxml with its right length.";
    102 INVALID_WBXML InvalidWBXML V14_0 400,
        "The body is meant to be WBXML and does not decode.",
        "The bytes are cut short, or hold a token or structure that ActiveSync does not have.",
        "Correct the encoder; `asprov decode` says which byte is wrong.";
    103 INVALID_XML InvalidXML V14_0 400,
        "The body decodes, but breaks the rules of the protocol.",
        "An element is missing, misplaced or has a value it may not have.",
        "Correct the request.";
    104 INVALID_DATE_TIME InvalidDateTime V14_0 400,
        "A date or time cannot be read.",
        "A timestamp is not written in the form its element asks for.",
        "Correct the timestamp.";
    105 INVALID_COMBINATION_OF_IDS InvalidCombinationOfIDs V14_0 400,
        "The request combines identifiers that exclude each other.",
        "Two parameters that both name the item were sent together.",
        "Send only one of them.";
    106 INVALID_IDS InvalidIDs V14_0 400,
        "An identifier has a form that cannot be read.",
        "The identifier was not made by this server, or was damaged; one that is well formed but unknown gets another code.",
        "Use identifiers exactly as the server gave them.";
    107 INVALID_MIME InvalidMIME V14_0 400,
        "The MIME content of a message cannot be read.",
        "The message is not valid MIME.",
        "Correct the message and send it again.";
    108 DEVICE_ID_MISSING_OR_INVALID DeviceIdMissingOrInvalid V14_0 400,
        "The device's identifier is missing or cannot be used.",
        "DeviceId is absent from the query, longer than 32 characters, or holds characters it may not hold.",
        "Send a DeviceId of 1 to 32 letters and digits, always the same.";
    109 DEVICE_TYPE_MISSING_OR_INVALID DeviceTypeMissingOrInvalid V14_0 400,
        "The device's type is missing or cannot be used.",
        "DeviceType is absent from the query, too long, or not printable.",
        "Send a DeviceType, always the same.";
    110 PERMANENT_SERVER_ERROR ServerError V14_0 500,
        "The server met an error that will not pass.",
        "Something inside the server failed in a way that repeating does not mend.",
        "Do not repeat the request; the administrator has to read the server's log.";
    111 SERVER_ERROR_RETRY_LATER ServerErrorRetryLater V14_0 503,
        "The server met an error that will pass.",
        "Something the server needs is away for the moment.",
        "Repeat the request later.";
    112 ACTIVE_DIRECTORY_ACCESS_DENIED ActiveDirectoryAccessDenied V14_0 403,
        "The server may not use the directory as it has to.",
        "The server lacks the right to read or write the user's directory entry.",
        "The administrator has to give the server that right.";
    113 MAILBOX_QUOTA_EXCEEDED MailboxQuotaExceeded V14_0 507,
        "The mailbox is full.",
        "The mailbox has reached its quota.",
        "Remove items from the mailbox, or have the administrator raise the quota.";
    114 MAILBOX_SERVER_OFFLINE MailboxServerOffline V14_0 503,
        "The server of the mailbox is not running.",
        "The mailbox server is stopped, being moved, or cannot be reached.",
        "Repeat the request later.";
    115 SEND_QUOTA_EXCEEDED SendQuotaExceeded V14_0 507,
        "The user may not send so much.",
        "The message would exceed the quota for sending.",
        "Send less, remove items, or have the administrator raise the quota.";
    116 MESSAGE_RECIPIENT_UNRESOLVED MessageRecipientUnresolved V14_0 500,
        "A recipient could not be resolved.",
        "One of the recipients has no mail address that the server can find.",
        "Correct the recipients and send again.";
    117 MESSAGE_REPLY_NOT_ALLOWED MessageReplyNotAllowed V14_0 500,
        "This message may not be replied to.",
        "The server's rules forbid a reply to it.",
        "Do not reply to it; write a new message instead.";
    118 MESSAGE_PREVIOUSLY_SENT MessagePreviouslySent V14_0 500,
        "The message was sent before.",
        "The ClientId was used recently, usually because an answer got lost and the request was repeated.",
        "Take the message as sent.";
    119 MESSAGE_HAS_NO_RECIPIENT MessageHasNoRecipient V14_0 500,
        "The message has no recipient.",
        "The To, Cc and Bcc fields are all empty.",
        "Add a recipient and send again.";
    120 MAIL_SUBMISSION_FAILED MailSubmissionFailed V14_0 500,
        "The message could not be handed on for delivery.",
        "The server's transport refused it or did not respond.",
        "Send the message again later.";
    121 MESSAGE_REPLY_FAILED MessageReplyFailed V14_0 500,
        "The server could not put the reply together.",
        "The original message could not be read or joined with the new text.",
        "Send the reply again, or as a new message.";
    122 ATTACHMENT_IS_TOO_LARGE AttachmentIsTooLarge V14_0 500,
        "An attachment is too large.",
        "An attachment exceeds what the server lets this request carry.",
        "Send a smaller attachment.";
    123 USER_HAS_NO_MAILBOX UserHasNoMailbox V14_0 403,
        "The user has no mailbox.",
        "The account exists, but no mailbox belongs to it.",
        "The administrator has to create the mailbox.";
    124 USER_CANNOT_BE_ANONYMOUS UserCannotBeAnonymous V14_0 401,
        "The request came without credentials.",
        "The command needs a signed-in user.",
        "Sign in and repeat the request.";
    125 USER_PRINCIPAL_COULD_NOT_BE_FOUND UserPrincipalCouldNotBeFound V14_0 403,
        "The user is not in the directory.",
        "The account was removed, or the directory the server asks does not have it.",
        "The administrator has to look at the user's directory entry.";
    126 USER_DISABLED_FOR_SYNC UserDisabledForSync V14_0 403,
        "The user may not use ActiveSync.",
        "ActiveSync is switched off for this user in the directory.",
        "The administrator has to switch it on.";
    127 USER_ON_NEW_MAILBOX_CANNOT_SYNC UserOnNewMailboxCannotSync V14_0 403,
        "This server does not serve the user's mailbox, which is on a newer one.",
        "The server is set to keep such users from synchronizing.",
        "The administrator has to name the right server or change the setting.";
    128 USER_ON_LEGACY_MAILBOX_CANNOT_SYNC UserOnLegacyMailboxCannotSync V14_0 403,
        "This server does not serve the user's mailbox, which is on an older one.",
        "The server is set to keep such users from synchronizing.",
        "The administrator has to name the right server or change the setting.";
    129 DEVICE_IS_BLOCKED_FOR_THIS_USER DeviceIsBlockedForThisUser V14_0 403,
        "This device may not be used with this account.",
        "The device was blocked, was wiped, or is not among those the user may use.",
        "The administrator has to allow the device, or forget it after a wipe.";
    130 ACCESS_DENIED AccessDenied V14_0 403,
        "The user may not make this request.",
        "The user lacks the right, or the device waits in quarantine for a decision.",
        "The administrator has to give the right or decide about the device.";
    131 ACCOUNT_DISABLED AccountDisabled V14_0 403,
        "The account is disabled.",
        "The account was switched off in the directory.",
        "The administrator has to enable it.";
    132 SYNC_STATE_NOT_FOUND SyncStateNotFound V14_0 403,
        "The server has lost what it knew about this device's synchronization.",
        "The state was removed, perhaps while the request was being handled.",
        "Expect an error about the sync key next, and synchronize everything again.";
    133 SYNC_STATE_LOCKED SyncStateLocked V14_0 503,
        "The state of the synchronization is locked.",
        "The mailbox is being moved, or another request holds the state.",
        "Repeat the request later.";
    134 SYNC_STATE_CORRUPT SyncStateCorrupt V14_0 500,
        "The state of the synchronization is damaged.",
        "What the server kept about this device cannot be read.",
        "Begin with sync key 0 and synchronize everything again.";
    135 SYNC_STATE_ALREADY_EXISTS SyncStateAlreadyExists V14_0 500,
        "The state of the synchronization exists already.",
        "Two requests began the first synchronization at the same time.",
        "Repeat the request, one at a time.";
    136 SYNC_STATE_VERSION_INVALID SyncStateVersionInvalid V14_0 500,
        "The state of the synchronization belongs to another version.",
        "The server was changed since it kept the state.",
        "Begin with sync key 0 and synchronize everything again.";
    137 COMMAND_NOT_SUPPORTED CommandNotSupported V14_0 501,
        "The server does not support this command.",
        "The command is not implemented, or switched off.",
        "Do not send it to this server; OPTIONS lists what it supports.";
    138 VERSION_NOT_SUPPORTED VersionNotSupported V14_0 400,
        "The command does not exist in this protocol version.",
        "MS-ASProtocolVersion names a version that the server or the command does not have.",
        "Use a version that OPTIONS lists and that has the command.";
    139 DEVICE_NOT_FULLY_PROVISIONABLE DeviceNotFullyProvisionable V14_0 403,
        "The device cannot meet the whole policy.",
        "Its protocol version cannot carry every setting in force, or it said that it applied only a part.",
        "The administrator has to relax the policy or allow partial compliance.";
    140 REMOTE_WIPE_REQUESTED RemoteWipeRequested V14_0 449,
        "The device is to be wiped.",
        "Somebody entitled to it ordered a wipe, which is still due.",
        "Send an empty Provision request, carry out the directive that comes and acknowledge it.";
    141 LEGACY_DEVICE_ON_STRICT_POLICY LegacyDeviceOnStrictPolicy V14_0 449,
        "A policy is in force, and the device shows no sign that it can be provisioned.",
        "The request carried no policy key at all.",
        "Send a policy key, beginning with 0, and provision.";
    142 DEVICE_NOT_PROVISIONED DeviceNotProvisioned V14_0 449,
        "A policy is in force, and the device has not been provisioned yet.",
        "The policy key in the request is 0, or the device's last acknowledgment was refused.",
        "Provision, then repeat the command with the new key.";
    143 POLICY_REFRESH PolicyRefresh V14_0 449,
        "The policy has to be fetched again.",
        "The refresh interval has passed since the device last acknowledged it.",
        "Provision, then repeat the command with the new key.";
    144 INVALID_POLICY_KEY InvalidPolicyKey V14_0 449,
        "The policy key is not the current one.",
        "The policy has probably changed since the device acknowledged it.",
        "Provision, then repeat the command with the new key.";
    145 EXTERNALLY_MANAGED_DEVICES_NOT_ALLOWED ExternallyManagedDevicesNotAllowed V14_0 403,
        "The server admits no device that somebody else manages.",
        "The device said in its acknowledgment that a third party provisions it.",
        "Provision again and apply this policy, or have the administrator allow it.";
    146 NO_RECURRENCE_IN_CALENDAR NoRecurrenceInCalendar V14_0 500,
        "The meeting has no occurrences.",
        "One occurrence was to be forwarded of a meeting that does not recur.",
        "Forward the meeting itself.";
    147 UNEXPECTED_ITEM_CLASS UnexpectedItemClass V14_0 501,
        "The server does not know this kind of item.",
        "The request names an item class that this server does not handle.",
        "Use a class that the server supports.";
    148 REMOTE_SERVER_HAS_NO_SSL RemoteServerHasNoSSL V14_0 500,
        "The request cannot be passed on safely.",
        "It has to go to another server, which offers no TLS while this one insists on it.",
        "The administrator has to set up TLS on the other server.";
    149 INVALID_STORED_REQUEST InvalidStoredRequest V14_0 400,
        "The earlier request cannot be repeated.",
        "The request was empty, which asks for the last one again, and that one is lost or unusable.",
        "Send the whole request.";
    150 ITEM_NOT_FOUND ItemNotFound V14_0 500,
        "The item is not in the mailbox.",
        "The ItemId or InstanceId of a reply or a forward names something that was moved or deleted.",
        "Synchronize the folder and choose the item again.";
    151 TOO_MANY_FOLDERS TooManyFolders V14_0 500,
        "The mailbox has too many folders.",
        "There are more folders than the server synchronizes, 1000 by default.",
        "Remove folders, or have the administrator raise the limit.";
    152 NO_FOLDERS_FOUND NoFoldersFound V14_0 500,
        "The mailbox has no folders.",
        "The mailbox was never opened, or is damaged.",
        "The administrator has to look at the mailbox.";
    153 ITEMS_LOST_AFTER_MOVE ItemsLostAfterMove V14_0 500,
        "Some items could not be found after they were moved.",
        "Something else changed the folders during the move.",
        "Synchronize both folders again.";
    154 FAILURE_IN_MOVE_OPERATION FailureInMoveOperation V14_0 500,
        "The move failed.",
        "The mailbox server met an error during the move.",
        "Repeat the move.";
    155 MOVE_COMMAND_DISALLOWED_FOR_NON_PERSISTENT_MOVE_ACTION MoveCommandDisallowedForNonPersistentMoveAction V14_0 400,
        "A conversation may not be moved this way.",
        "The request moves a conversation without MoveAlways.",
        "Send MoveAlways, or move the messages one by one.";
    156 MOVE_COMMAND_INVALID_DESTINATION_FOLDER MoveCommandInvalidDestinationFolder V14_0 400,
        "The items cannot be moved to this folder.",
        "The destination does not exist or does not take such items.",
        "Send FolderSync and choose another folder.";
    160 AVAILABILITY_TOO_MANY_RECIPIENTS AvailabilityTooManyRecipients V14_0 none,
        "The availability of too many people was asked for.",
        "The request names more recipients than the server looks up at once.",
        "Ask for fewer recipients at a time.";
    161 AVAILABILITY_DL_LIMIT_REACHED AvailabilityDLLimitReached V14_0 none,
        "A distribution list is too large to look up its members' availability.",
        "The list has more members than the availability service handles.",
        "Ask for the members one by one.";
    162 AVAILABILITY_TRANSIENT_FAILURE AvailabilityTransientFailure V14_0 none,
        "The availability could not be looked up for the moment.",
        "The availability service met an error that will pass.",
        "Repeat the request later.";
    163 AVAILABILITY_FAILURE AvailabilityFailure V14_0 none,
        "The availability could not be looked up.",
        "The availability service met an error that will not pass.",
        "Show the availability as unknown.";
    164 BODY_PART_PREFERENCE_TYPE_NOT_SUPPORTED BodyPartPreferenceTypeNotSupported V14_1 none,
        "The server does not send body parts of this type.",
        "BodyPartPreference asks for a Type that is not supported.",
        "Ask for HTML, the type that body parts have.";
    165 DEVICE_INFORMATION_REQUIRED DeviceInformationRequired V14_1 none,
        "The device has to describe itself.",
        "The initial Provision request lacks DeviceInformation, which it has to carry from 14.1 on.",
        "Send the request again with DeviceInformation.";
    166 INVALID_ACCOUNT_ID InvalidAccountId V14_1 none,
        "The account to send from is not valid.",
        "AccountId names none of the user's accounts.",
        "Ask for the user's accounts with Settings and use one of them.";
    167 ACCOUNT_SEND_DISABLED AccountSendDisabled V14_1 none,
        "This account may not send.",
        "Sending is switched off for the account that AccountId names.",
        "Send from another account.";
    168 IRM_FEATURE_DISABLED IRM_FeatureDisabled V14_1 none,
        "Rights management is switched off.",
        "The server or the user's settings do not have it enabled.",
        "Do without rights management, or have the administrator enable it.";
    169 IRM_TRANSIENT_ERROR IRM_TransientError V14_1 none,
        "Rights management met an error that will pass.",
        "The rights management service is away for the moment.",
        "Repeat the request later.";
    170 IRM_PERMANENT_ERROR IRM_PermanentError V14_1 none,
        "Rights management met an error that will not pass.",
        "The rights management service cannot handle this message.",
        "Open the message elsewhere, or turn to the administrator.";
    171 IRM_INVALID_TEMPLATE_ID IRM_InvalidTemplateID V14_1 none,
        "The rights policy template is not valid.",
        "TemplateID names no template the user may use.",
        "Ask for the templates with Settings and use one of them.";
    172 IRM_OPERATION_NOT_PERMITTED IRM_OperationNotPermitted V14_1 none,
        "The message's protection forbids this.",
        "Rights management does not let the user reply to, forward or change the message so.",
        "Ask the message's owner for the right.";
    173 NO_PICTURE NoPicture V14_1 none,
        "There is no picture of this contact.",
        "Nobody has stored a picture for the person.",
        "Show the contact without one.";
    174 PICTURE_TOO_LARGE PictureTooLarge V14_1 none,
        "The picture is too large.",
        "The contact's picture exceeds the MaxSize of the request.",
        "Ask again with a larger MaxSize, or show the contact without a picture.";
    175 PICTURE_LIMIT_REACHED PictureLimitReached V14_1 none,
        "No more pictures are sent.",
        "The answer already holds as many pictures as MaxPictures allows.",
        "Ask for the rest in another request.";
    176 BODY_PART_CONVERSATION_TOO_LARGE BodyPart_ConversationTooLarge V14_1 none,
        "The conversation is too large for body parts.",
        "The server cannot work out what is new in so long a conversation.",
        "Ask again for the whole body.";
    177 MAXIMUM_DEVICES_REACHED MaximumDevicesReached V14_1 403,
        "The user has too many devices.",
        "The account has as many device partnerships as it may have.",
        "Remove devices that are no longer used from the account, on the server.";
    178 INVALID_MIME_BODY_COMBINATION InvalidMimeBodyCombination V16_0 none,
        "The request combines content that excludes each other.",
        "SmartForward carries elements that may not stand beside Forwardees or airsyncbase:Body.",
        "Send either the one or the other.";
    179 INVALID_SMART_FORWARD_PARAMETERS InvalidSmartForwardParameters V16_0 none,
        "The parameters of the forward cannot be read.",
        "Forwardees or airsyncbase:Body is not written as it has to be.",
        "Correct the request.";
    183 INVALID_RECIPIENTS InvalidRecipients V16_0 none,
        "The draft's recipients cannot be used.",
        "The draft has no recipient, or one that is not a mail address.",
        "Correct the recipients and send again.";
    184 ONE_OR_MORE_EXCEPTIONS_FAILED OneOrMoreExceptionsFailed V16_0 none,
        "Some exceptions of a calendar series were not saved.",
        "The server took the series, but not each of its exceptions.",
        "Read the status of each exception and send the failed ones again.";
}
