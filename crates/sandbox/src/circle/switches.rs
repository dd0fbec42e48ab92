//! The switches: where Circle is silent, or where reports disagree, one behaviour is picked.

use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::post::Manner;
use crate::switch::{count, count_or_null, flag, one_of, unknown};

use super::Circle;

/// What a POST for an email that is a member already is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExistingPost {
    /// `201` with "already a member" and the member that exists: the best evidence there is.
    Created,
    Conflict,
    Unprocessable,
}

/// What adding a member to a group a second time is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RepeatAdd {
    Created,
    Ok,
    Unprocessable,
    /// A success whose message no document mentions.
    Unknown2xx,
}

/// What a token of another API is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrongType {
    Forbidden,
    Unauthorized,
}

/// What happens past the monthly allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverAllowance {
    Serve,
    TooMany,
    Forbidden,
}

/// The body of a `429`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitBody {
    Text,
    Html,
    Json,
}

/// Every switch, at its most probable setting to begin with.
#[derive(Clone, Debug)]
pub(super) struct Switches {
    pub(super) existing_post: ExistingPost,
    pub(super) existing_post_mails: bool,
    pub(super) id_at_top_level: bool,
    pub(super) loser_500: bool,
    pub(super) reinvite_same_id: bool,
    pub(super) put_replaces: bool,
    pub(super) repeat_add: RepeatAdd,
    pub(super) repeat_space_add_ok: bool,
    pub(super) archived_add_ok: bool,
    pub(super) space_group_remove_fails: bool,
    pub(super) tag_unknown_email_ok: bool,
    pub(super) is_case_strict: bool,
    pub(super) echoes_as_typed: bool,
    pub(super) wrong_type: WrongType,
    pub(super) not_eligible: bool,
    /// Requests per billing month.
    pub(super) monthly_allowance: u64,
    pub(super) over_allowance: OverAllowance,
    pub(super) count_429: bool,
    /// Day of the month, 1 to 31; in a shorter month its last day.
    pub(super) billing_day: i8,
    /// Requests per rolling five minutes.
    pub(super) burst_limit: u64,
    pub(super) retry_after_s: Option<u64>,
    pub(super) body_429: LimitBody,
    /// New members through the API per UTC day.
    pub(super) daily_member_limit: Option<u64>,
    pub(super) member_cap: Option<u64>,
    pub(super) per_page_max: u64,
    pub(super) read_lag: SignedDuration,
    pub(super) search_answers_other: bool,
    pub(super) deactivate_fails: bool,
    pub(super) deactivate_clears: bool,
    /// How calls of workflows travel.
    pub(super) hook_delivery: Manner,
    /// Whether what a workflow sends is wrapped in `body`.
    pub(super) hook_is_wrapped: bool,
    /// Whether a workflow runs only once for a member.
    pub(super) hook_once: bool,
    /// What was set by name, for the page that shows the fake.
    set: Map<String, Value>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            existing_post: ExistingPost::Created,
            existing_post_mails: false,
            id_at_top_level: false,
            loser_500: false,
            reinvite_same_id: false,
            put_replaces: true,
            repeat_add: RepeatAdd::Created,
            repeat_space_add_ok: false,
            archived_add_ok: false,
            space_group_remove_fails: false,
            tag_unknown_email_ok: true,
            is_case_strict: false,
            echoes_as_typed: false,
            wrong_type: WrongType::Forbidden,
            not_eligible: false,
            monthly_allowance: 5_000,
            over_allowance: OverAllowance::Serve,
            count_429: true,
            billing_day: 1,
            burst_limit: 2_000,
            retry_after_s: None,
            body_429: LimitBody::Text,
            daily_member_limit: None,
            member_cap: None,
            per_page_max: 100,
            read_lag: SignedDuration::ZERO,
            search_answers_other: false,
            deactivate_fails: false,
            deactivate_clears: true,
            hook_delivery: Manner::Normal,
            hook_is_wrapped: false,
            hook_once: false,
            set: Map::new(),
        }
    }
}

/// The names and what each takes, the default first where one is listed.
const KNOWN: &[(&str, &str)] = &[
    ("existing_post", "201, 409, 422"),
    ("existing_post_mails", "false, true"),
    ("id_at_top_level", "false, true"),
    ("loser_500", "false, true"),
    ("reinvite_same_id", "false, true"),
    ("put_lists", "replace, merge"),
    ("repeat_add", "201, 200, 422, unknown_2xx"),
    ("repeat_space_add", "422, 200"),
    ("archived_add", "404, 201"),
    ("space_group_remove_fails", "false, true"),
    ("tag_unknown_email", "lead, 404"),
    ("email_case", "insensitive, strict"),
    ("email_echo", "lower, as_typed"),
    ("wrong_type_status", "403, 401"),
    ("not_eligible", "false, true"),
    ("monthly_allowance", "requests"),
    ("over_allowance", "serve, 429, 403"),
    ("count_429", "true, false"),
    ("billing_day", "1 to 31"),
    ("burst_limit", "requests per 5 minutes"),
    ("retry_after", "null, seconds"),
    ("body_429", "text, html, json"),
    ("daily_member_limit", "null, members"),
    ("member_cap", "null, members"),
    ("per_page_max", "rows"),
    ("read_lag_s", "seconds"),
    ("search_answers_other", "false, true"),
    ("deactivate_fails", "false, true"),
    ("deactivate_clears", "true, false"),
    ("hook_delivery", "normal, lost, twice, reversed, {late}, {times}"),
    ("hook_shape", "plain, body"),
    ("hook_once", "false, true"),
];

impl Switches {
    pub(super) fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        match name {
            "existing_post" => {
                let allowed = [
                    ("201", ExistingPost::Created),
                    ("409", ExistingPost::Conflict),
                    ("422", ExistingPost::Unprocessable),
                ];
                self.existing_post = one_of(name, value, &allowed)?;
            }
            "existing_post_mails" => self.existing_post_mails = flag(name, value)?,
            "id_at_top_level" => self.id_at_top_level = flag(name, value)?,
            "loser_500" => self.loser_500 = flag(name, value)?,
            "reinvite_same_id" => self.reinvite_same_id = flag(name, value)?,
            "put_lists" => self.put_replaces = one_of(name, value, &[("replace", true), ("merge", false)])?,
            "repeat_add" => {
                let allowed = [
                    ("201", RepeatAdd::Created),
                    ("200", RepeatAdd::Ok),
                    ("422", RepeatAdd::Unprocessable),
                    ("unknown_2xx", RepeatAdd::Unknown2xx),
                ];
                self.repeat_add = one_of(name, value, &allowed)?;
            }
            "repeat_space_add" => {
                self.repeat_space_add_ok = one_of(name, value, &[("422", false), ("200", true)])?;
            }
            "archived_add" => self.archived_add_ok = one_of(name, value, &[("404", false), ("201", true)])?,
            "space_group_remove_fails" => self.space_group_remove_fails = flag(name, value)?,
            "tag_unknown_email" => {
                self.tag_unknown_email_ok = one_of(name, value, &[("lead", true), ("404", false)])?;
            }
            "email_case" => {
                self.is_case_strict = one_of(name, value, &[("insensitive", false), ("strict", true)])?;
            }
            "email_echo" => {
                self.echoes_as_typed = one_of(name, value, &[("lower", false), ("as_typed", true)])?;
            }
            "wrong_type_status" => {
                let allowed = [("403", WrongType::Forbidden), ("401", WrongType::Unauthorized)];
                self.wrong_type = one_of(name, value, &allowed)?;
            }
            "not_eligible" => self.not_eligible = flag(name, value)?,
            "monthly_allowance" => self.monthly_allowance = count(name, value)?,
            "over_allowance" => {
                let allowed = [
                    ("serve", OverAllowance::Serve),
                    ("429", OverAllowance::TooMany),
                    ("403", OverAllowance::Forbidden),
                ];
                self.over_allowance = one_of(name, value, &allowed)?;
            }
            "count_429" => self.count_429 = flag(name, value)?,
            "billing_day" => {
                let day = count(name, value)?;
                let is_day = (1..=31).contains(&day);
                self.billing_day = i8::try_from(day)
                    .ok()
                    .filter(|_| is_day)
                    .ok_or_else(|| format!("switch `billing_day` takes 1 to 31, not {value}"))?;
            }
            "burst_limit" => self.burst_limit = count(name, value)?,
            "retry_after" => self.retry_after_s = count_or_null(name, value)?,
            "body_429" => {
                let allowed =
                    [("text", LimitBody::Text), ("html", LimitBody::Html), ("json", LimitBody::Json)];
                self.body_429 = one_of(name, value, &allowed)?;
            }
            "daily_member_limit" => self.daily_member_limit = count_or_null(name, value)?,
            "member_cap" => self.member_cap = count_or_null(name, value)?,
            "per_page_max" => self.per_page_max = count(name, value)?.max(1),
            "read_lag_s" => self.read_lag = Circle::lag_of(count(name, value)?),
            "search_answers_other" => self.search_answers_other = flag(name, value)?,
            "deactivate_fails" => self.deactivate_fails = flag(name, value)?,
            "deactivate_clears" => self.deactivate_clears = flag(name, value)?,
            "hook_delivery" => self.hook_delivery = Manner::parse(value)?,
            "hook_shape" => {
                self.hook_is_wrapped = one_of(name, value, &[("plain", false), ("body", true)])?;
            }
            "hook_once" => self.hook_once = flag(name, value)?,
            _ => return Err(unknown(name, KNOWN)),
        }
        self.set.insert(name.to_owned(), value.clone());
        Ok(())
    }

    /// The switches that were set, by name.
    pub(super) fn state(&self) -> Value {
        Value::Object(self.set.clone())
    }
}
