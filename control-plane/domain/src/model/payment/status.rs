//! The status of a payment that clients see, and its names.

/// The status that clients see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// In progress, or the outcome is unknown; it will be decided, so read it again later.
    Pending,
    RequiresAction,
    Authorized,
    Completed,
    Captured,
    Canceled,
    Failed,
}

impl Status {
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::RequiresAction,
        Self::Authorized,
        Self::Completed,
        Self::Captured,
        Self::Canceled,
        Self::Failed,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Authorized => "authorized",
            Self::Completed => "completed",
            Self::Captured => "captured",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }

    /// The status of the state with this name; `None` for one of a newer release.
    #[must_use]
    pub fn of_state(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.states().contains(&name))
    }

    /// The names of the states with this status.
    #[must_use]
    pub const fn states(self) -> &'static [&'static str] {
        match self {
            Self::Pending => &["created", "processing", "queued", "unknown"],
            Self::RequiresAction => &["requires_action"],
            Self::Authorized => &["authorized"],
            Self::Completed => &["completed"],
            Self::Captured => &["captured"],
            Self::Canceled => &["canceled"],
            Self::Failed => &["failed"],
        }
    }
}
