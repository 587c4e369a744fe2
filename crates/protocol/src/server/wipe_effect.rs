//! What a wipe does to a device, said before it is ordered: one table of what is written about each family of clients.
//!
//! [MS-ASPROV] 3.1.5.1.2.2 says that a client SHOULD reset the whole device, and otherwise MUST destroy what it ever got
//! from the server. Which of the two a phone does, its family decides. Nothing here is guessed: where nobody has written
//! anything, the row says so.

use core::fmt::Write as _;

use jiff::Timestamp;

use super::record::DeviceRecord;
use super::wipe::{WipeError, order_wipe};
use crate::client::capability::Profile;
use crate::message::WipeKind;

/// How much is gone afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WipeReach {
    /// Everything on the device, private data included.
    WholeDevice,
    /// The account, or the app that holds it, and nothing else.
    AccountOnly,
    /// Nobody has written it down.
    Unknown,
}

/// One row: a family, a kind of wipe, and what comes of it.
#[derive(Debug)]
pub struct WipeEffect {
    /// The family by its name in [`PROFILES`](crate::client::capability::PROFILES); `None` for all others.
    pub family: Option<&'static str>,
    /// The DeviceType that says as much when the User-Agent header does not.
    pub device_types: &'static [&'static str],
    /// The kind that is ordered.
    pub kind: WipeKind,
    /// How much is gone afterwards.
    pub reach: WipeReach,
    /// That in a sentence.
    pub sentence: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

/// What a wipe would do to one device.
#[derive(Clone, Debug)]
pub struct WipeForecast {
    /// The title of the family the device belongs to; `None` when it is of none that is known.
    pub family: Option<&'static str>,
    /// Both kinds.
    pub kinds: [KindForecast; 2],
}

/// What one kind of wipe would do to one device.
#[derive(Clone, Debug)]
pub struct KindForecast {
    /// The kind.
    pub kind: WipeKind,
    /// Why it cannot be ordered.
    pub why_not: Option<WipeError>,
    /// What it does.
    pub effect: &'static WipeEffect,
}

const APPLE: &str = "Apple, Deploying iPhone and iPad: Exchange ActiveSync";
const GOOGLE: &str = "Google support article 7065453";
const OUTLOOK: &str = "Microsoft Learn, Outlook for iOS and Android, manage devices";
const CLEAR: &str = "Microsoft Learn, Clear-MobileDevice";
const AOSP: &str = "AOSP Exchange, EasProvision.java";
const ASPROV: &str = "[MS-ASPROV] 3.1.5.1.2.2";
const ASPROV_ACCOUNT: &str = "[MS-ASPROV] 3.1.5.1.2.3";

/// The table; the first row that fits counts.
pub static WIPE_EFFECTS: &[WipeEffect] = &[
    WipeEffect {
        family: Some("ios-mail"),
        device_types: &["iPhone", "iPad", "iPod"],
        kind: WipeKind::Device,
        reach: WipeReach::WholeDevice,
        sentence: "The phone or tablet is reset: everything on it is erased, private data included.",
        source: APPLE,
    },
    WipeEffect {
        family: Some("gmail"),
        device_types: &[],
        kind: WipeKind::Device,
        reach: WipeReach::AccountOnly,
        sentence: "The account, or the work profile, is removed from the device, and nothing else.",
        source: GOOGLE,
    },
    WipeEffect {
        family: Some("outlook-mobile"),
        device_types: &["Outlook"],
        kind: WipeKind::Device,
        reach: WipeReach::AccountOnly,
        sentence: "Outlook removes the account and what it holds of it; the rest of the device stays.",
        source: OUTLOOK,
    },
    WipeEffect {
        family: Some("outlook-mobile"),
        device_types: &["Outlook"],
        kind: WipeKind::AccountOnly,
        reach: WipeReach::AccountOnly,
        sentence: "Outlook removes the account and what it holds of it, as it does for a wipe of the device.",
        source: CLEAR,
    },
    WipeEffect {
        family: Some("aosp"),
        device_types: &[],
        kind: WipeKind::Device,
        reach: WipeReach::Unknown,
        sentence: "It confirms a wipe whatever comes of it: count on the whole device being erased, and do not take the \
                   confirmation for a proof.",
        source: AOSP,
    },
    WipeEffect {
        family: None,
        device_types: &[],
        kind: WipeKind::Device,
        reach: WipeReach::Unknown,
        sentence: "The specification asks for a reset of the whole device, and at least for the end of everything that \
                   came from the server; what this client does is written nowhere. Count on the whole device being erased.",
        source: ASPROV,
    },
    WipeEffect {
        family: None,
        device_types: &[],
        kind: WipeKind::AccountOnly,
        reach: WipeReach::AccountOnly,
        sentence: "The specification asks for the end of everything that came from the server, and of the stored password; \
                   the rest of the device stays. How well this client keeps to it is written nowhere.",
        source: ASPROV_ACCOUNT,
    },
];

impl WipeReach {
    /// The word for it in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WholeDevice => "whole_device",
            Self::AccountOnly => "account_only",
            Self::Unknown => "unknown",
        }
    }

    /// Every reach.
    pub const ALL: [Self; 3] = [Self::WholeDevice, Self::AccountOnly, Self::Unknown];
}

/// What a wipe would do to this device, and which kinds can be ordered at all.
pub fn forecast_wipe(record: &DeviceRecord) -> WipeForecast {
    let family = family(record);
    let kind = |kind| KindForecast {
        kind,
        why_not: order_wipe(record, kind, "", "", Timestamp::UNIX_EPOCH).err(),
        effect: effect(family, record, kind),
    };
    WipeForecast {
        family: family.map(|family| family.title),
        kinds: [kind(WipeKind::Device), kind(WipeKind::AccountOnly)],
    }
}

/// What a wipe of this kind does to this device.
pub fn effect_of_wipe(record: &DeviceRecord, kind: WipeKind) -> &'static WipeEffect {
    effect(family(record), record, kind)
}

fn family(record: &DeviceRecord) -> Option<&'static Profile> {
    let told = record.device_information.user_agent.as_deref();
    [record.user_agent.as_deref(), told].into_iter().flatten().find_map(Profile::of_user_agent)
}

fn effect(family: Option<&Profile>, record: &DeviceRecord, kind: WipeKind) -> &'static WipeEffect {
    let fits = |row: &&WipeEffect| {
        row.kind == kind
            && match (row.family, family) {
                (None, _) => true,
                (Some(name), Some(family)) => name == family.name,
                (Some(_), None) => row.device_types.contains(&record.device_type.as_str()),
            }
    };
    // The last two rows fit everybody.
    const LAST: &WipeEffect = &WipeEffect {
        family: None,
        device_types: &[],
        kind: WipeKind::Device,
        reach: WipeReach::Unknown,
        sentence: "",
        source: "",
    };
    WIPE_EFFECTS.iter().find(fits).unwrap_or(LAST)
}

/// The table of `docs/reference/wipe-effects.md`.
pub fn markdown() -> String {
    let mut text = String::from("| Family | Wipe ordered | What is gone | Source |\n| --- | --- | --- | --- |\n");
    for row in WIPE_EFFECTS {
        let family =
            row.family.and_then(crate::client::capability::profile).map_or("all others", |family| family.title);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {family} | `{}` | {} | {} |", row.kind.as_str(), row.sentence, row.source);
    }
    text
}

#[cfg(test)]
mod tests;
