//! Tones and icons: a state is always a shape and a word, never colour alone.

use frontdesk_core::stage::Stage;

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Seen to be well.
    Ok,
    /// We are working on it.
    Go,
    /// Waits for the customer.
    You,
    /// Needs a person soon.
    Warn,
    /// Failed.
    Bad,
    /// Over.
    Off,
}

impl Tone {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Go => "go",
            Self::You => "you",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Off => "off",
        }
    }

    /// The tone of a stage before a customer. A dispute is no failure of theirs: it warns.
    pub(super) const fn of(stage: Stage) -> Self {
        match stage {
            Stage::PaymentProcessing | Stage::PaymentReceived | Stage::AccessPending => Self::Go,
            Stage::InviteSent => Self::You,
            Stage::Active => Self::Ok,
            Stage::PastDue | Stage::Disputed | Stage::SupportReview => Self::Warn,
            Stage::PaymentFailed => Self::Bad,
            Stage::Ending | Stage::Ended | Stage::Refunded => Self::Off,
        }
    }
}

/// An icon of 20 units, drawn in strokes. The word beside it carries the meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Icon {
    Arrow,
    Calendar,
    Check,
    Clock,
    Cross,
    Dots,
    Flag,
    Letter,
    Minus,
    Now,
    Person,
    Receipt,
    Ring,
    Triangle,
}

impl Icon {
    pub(super) const fn of(stage: Stage) -> Self {
        match stage {
            Stage::PaymentProcessing => Self::Dots,
            Stage::PaymentFailed => Self::Cross,
            Stage::PaymentReceived => Self::Receipt,
            Stage::AccessPending => Self::Clock,
            Stage::InviteSent => Self::Letter,
            Stage::Active => Self::Check,
            Stage::PastDue => Self::Triangle,
            Stage::Ending => Self::Calendar,
            Stage::Ended => Self::Minus,
            Stage::Refunded => Self::Arrow,
            Stage::Disputed => Self::Flag,
            Stage::SupportReview => Self::Person,
        }
    }

    /// The symbol's id in the page. No other element's id starts with `i-`.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Arrow => "i-arrow",
            Self::Calendar => "i-calendar",
            Self::Check => "i-check",
            Self::Clock => "i-clock",
            Self::Cross => "i-cross",
            Self::Dots => "i-dots",
            Self::Flag => "i-flag",
            Self::Letter => "i-letter",
            Self::Minus => "i-minus",
            Self::Now => "i-now",
            Self::Person => "i-person",
            Self::Receipt => "i-receipt",
            Self::Ring => "i-ring",
            Self::Triangle => "i-triangle",
        }
    }

    /// The shapes of the symbol, as SVG. `f` is filled, `ko` is cut out of what is filled.
    pub(super) const fn shapes(self) -> &'static str {
        match self {
            Self::Arrow => r#"<path d="M4 8h8.5a4.2 4.2 0 0 1 0 8.4H8M7.3 4.5 3.6 8l3.7 3.5"/>"#,
            Self::Calendar => {
                r#"<rect x="2.5" y="4" width="15" height="13" rx="2"/><path d="M2.5 8h15M6.5 2.5v3M13.5 2.5v3"/>"#
            }
            Self::Check => {
                r#"<circle class="f" cx="10" cy="10" r="8.6"/><path class="ko" d="m6.2 10.3 2.6 2.6 5-5.6"/>"#
            }
            Self::Clock => r#"<circle cx="10" cy="10" r="8"/><path d="M10 5.5V10l3 2"/>"#,
            Self::Cross => r#"<circle cx="10" cy="10" r="8"/><path d="m7.2 7.2 5.6 5.6M12.8 7.2l-5.6 5.6"/>"#,
            Self::Dots => r#"<circle cx="10" cy="10" r="8"/><path d="M6.5 10v.01M10 10v.01M13.5 10v.01"/>"#,
            Self::Flag => r#"<path d="M4.5 18V3M4.5 3.8h11l-2.8 3.8 2.8 3.8h-11"/>"#,
            Self::Letter => {
                r#"<rect x="2" y="4" width="16" height="12" rx="2"/><path d="m2.8 5.5 7.2 5.5 7.2-5.5"/>"#
            }
            Self::Minus => r#"<circle cx="10" cy="10" r="8"/><path d="M6.5 10h7"/>"#,
            Self::Now => r#"<circle cx="10" cy="10" r="8"/><circle class="f" cx="10" cy="10" r="4"/>"#,
            Self::Person => r#"<circle cx="10" cy="6.3" r="3.5"/><path d="M3.2 17.5a6.8 6.8 0 0 1 13.6 0"/>"#,
            Self::Receipt => {
                r#"<path d="M4.5 2.5h11v15l-2.75-1.6L10 17.5l-2.75-1.6-2.75 1.6zM7.5 7h5M7.5 10.5h5"/>"#
            }
            Self::Ring => r#"<circle cx="10" cy="10" r="8"/>"#,
            Self::Triangle => r#"<path d="M10 2.8 18.2 17H1.8zM10 8v4M10 14.4v.01"/>"#,
        }
    }
}
