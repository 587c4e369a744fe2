//! The tables of `docs/reference/answers.md` for what the crowd does: a state and a request in, a state and an answer out.

use asprov_protocol::message::WipeKind;

use super::{Ask, Claim, Device, Expected, Key, Progress, State};

impl Device {
    pub(super) fn serve(&self, state: State, number: u64, claim: &Claim) -> (State, Expected) {
        match claim {
            Claim::Request(Ask::FolderSync(key)) => self.command(state, key.as_deref()),
            Claim::Request(ask) => self.provision(state, number, ask),
            Claim::Policy(policy) => (State { policy: *policy, ..state }, Expected::Http(200)),
            _ if !state.exists => (state, Expected::Http(404)),
            Claim::Order(kind) => self.order(state, *kind),
            Claim::Cancel => match state.wipe {
                Some((_, Progress::Acknowledged)) => (state, Expected::Http(409)),
                Some(_) => (State { wipe: None, offer: None, permanent: None, ..state }, Expected::Http(200)),
                None => (state, Expected::Http(404)),
            },
            Claim::Block(blocked) => (State { blocked: *blocked, ..state }, Expected::Http(200)),
            Claim::Forget => match state.wipe {
                Some((_, Progress::Pending | Progress::Sent | Progress::Failed)) => (state, Expected::Http(409)),
                _ => {
                    let policy = state.policy;
                    let new = Self::new(self.version, policy).worlds.swap_remove(0).state;
                    (new, Expected::Http(204))
                }
            },
        }
    }

    fn order(&self, state: State, kind: WipeKind) -> (State, Expected) {
        match state.wipe {
            Some((due, progress)) if progress != Progress::Acknowledged && due == kind => (state, Expected::Http(200)),
            Some(_) => (state, Expected::Http(409)),
            None if kind == WipeKind::AccountOnly && !self.is_at_least("16.1") => (state, Expected::Http(409)),
            None => (State { wipe: Some((kind, Progress::Pending)), offer: None, ..state }, Expected::Http(201)),
        }
    }

    fn command(&self, state: State, key: Option<&str>) -> (State, Expected) {
        let expected = match (state.wipe, key, &state.permanent) {
            (Some((_, Progress::Acknowledged)), ..) => Expected::Refused(129, 403),
            (Some(_), None, _) => Expected::Refused(140, 403),
            (Some(_), Some(_), _) => Expected::Refused(140, 449),
            _ if state.blocked => Expected::Refused(129, 403),
            (None, None, _) => Expected::Refused(141, 449),
            (None, Some("0"), _) => Expected::Refused(142, 449),
            (None, Some(key), Some((permanent, seen)))
                if *permanent == Key::Known(key.to_owned()) && *seen == self.seen(state.policy) =>
            {
                Expected::Passes
            }
            (None, Some(_), _) => Expected::Refused(144, 449),
        };
        (state, expected)
    }

    fn provision(&self, mut state: State, number: u64, ask: &Ask) -> (State, Expected) {
        let answer = |status, wipe| Expected::Provision { status, wipe, policy: None, key: None, document: None };
        let policy =
            |status| Expected::Provision { status: 1, wipe: None, policy: Some(status), key: None, document: None };
        // The element does not exist before 16.1: it is not the grammar.
        if matches!(ask, Ask::WipeAcknowledgment(WipeKind::AccountOnly, _)) && !self.is_at_least("16.1") {
            return (state, answer(2, None));
        }
        match (state.wipe, ask) {
            (Some((due, Progress::Sent | Progress::Failed)), Ask::WipeAcknowledgment(kind, status)) if due == *kind => {
                if *status == 2 {
                    return (State { wipe: Some((due, Progress::Failed)), ..state }, answer(2, Some(due)));
                }
                let wipe = Some((due, Progress::Acknowledged));
                return (State { wipe, offer: None, permanent: None, ..state }, answer(1, None));
            }
            (Some((due, progress)), _) if progress != Progress::Acknowledged => {
                let progress = if progress == Progress::Pending { Progress::Sent } else { progress };
                return (State { wipe: Some((due, progress)), ..state }, answer(1, Some(due)));
            }
            (_, Ask::WipeAcknowledgment(..)) => return (state, answer(1, None)),
            (Some(_), _) => return (state, Expected::Refused(129, 403)),
            (None, _) if state.blocked => return (state, Expected::Refused(129, 403)),
            (None, _) => {}
        }
        let seen = self.seen(state.policy);
        match ask {
            Ask::Initial { known: false, .. } => {
                state.exists = true;
                (state, policy(3))
            }
            Ask::Initial { tells: false, .. } if self.is_at_least("14.1") => (state, Expected::Refused(165, 0)),
            Ask::Initial { .. } => {
                let pending = state.offer.take().filter(|(_, offered)| *offered == seen);
                let (key, _) = pending.unwrap_or((Key::Of(number), seen));
                state.offer = Some((key.clone(), seen));
                state.exists = true;
                let offered = Expected::Provision {
                    status: 1,
                    wipe: None,
                    policy: Some(1),
                    key: Some(key),
                    document: Some(seen),
                };
                (state, offered)
            }
            Ask::Acknowledgment(key, status) => {
                state.exists = true;
                if state.offer != Some((Key::Known(key.clone()), seen)) {
                    return (state, policy(5));
                }
                state.offer = None;
                match status {
                    1 => {}
                    2 if state.policy.allows_partial => {}
                    4 => return (State { permanent: None, ..state }, Expected::Refused(145, 403)),
                    _ => return (State { permanent: None, ..state }, Expected::Refused(139, 403)),
                }
                state.permanent = Some((Key::Of(number), seen));
                let issued = Expected::Provision {
                    status: 1,
                    wipe: None,
                    policy: Some(1),
                    key: Some(Key::Of(number)),
                    document: None,
                };
                (state, issued)
            }
            _ => {
                state.exists = true;
                (state, answer(1, None))
            }
        }
    }
}
