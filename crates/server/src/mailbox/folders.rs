//! The folders of the empty mailbox, as one table: what every account begins with ([MS-ASCMD] 2.2.3.186.3, Type).

/// A folder. Items never come into it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folder {
    pub(super) server_id: &'static str,
    pub(super) name: &'static str,
    /// Type of FolderHierarchy: what the folder is for.
    pub(super) folder_type: u8,
    /// Class of AirSync: what its items are.
    pub(super) class: &'static str,
}

/// Every folder, below the root (ParentId 0).
#[rustfmt::skip]
pub(super) const FOLDERS: [Folder; 9] = [
    Folder { server_id: "1", name: "Inbox",         folder_type: 2,  class: "Email" },
    Folder { server_id: "2", name: "Drafts",        folder_type: 3,  class: "Email" },
    Folder { server_id: "3", name: "Deleted Items", folder_type: 4,  class: "Email" },
    Folder { server_id: "4", name: "Sent Items",    folder_type: 5,  class: "Email" },
    Folder { server_id: "5", name: "Outbox",        folder_type: 6,  class: "Email" },
    Folder { server_id: "6", name: "Tasks",         folder_type: 7,  class: "Tasks" },
    Folder { server_id: "7", name: "Calendar",      folder_type: 8,  class: "Calendar" },
    Folder { server_id: "8", name: "Contacts",      folder_type: 9,  class: "Contacts" },
    Folder { server_id: "9", name: "Notes",         folder_type: 10, class: "Notes" },
];

/// The key of the one state there is, of the hierarchy and of each folder. A device without a state sends 0.
pub(super) const SYNC_KEY: &str = "1";
/// The key of a device that begins.
pub(super) const FIRST_SYNC_KEY: &str = "0";

/// The folder with this id.
pub(super) fn folder(server_id: &str) -> Option<&'static Folder> {
    FOLDERS.iter().find(|folder| folder.server_id == server_id)
}
