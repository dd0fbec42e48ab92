//! What a Frontdesk in a test is told: the catalogue of the sandbox's shop, with small changes.

use frontdesk::config::Environment;

/// The secret with which the sandbox signs.
pub(crate) const SIGNING_SECRET: &str = "whsec_4nUxR8kQ2vYt6LmZ";
/// The key with which the sandbox's Stripe is read.
pub(crate) const STRIPE_KEY: &str = "rk_live_51Northwind9fK2mQ7x";

/// What it is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The path of the webhook endpoint.
    pub(crate) path: &'static str,
    /// `live` or `shadow`, for all targets.
    pub(crate) mode: &'static str,
    /// Whether Kit is a target.
    pub(crate) has_kit: bool,
    /// The access group of the community.
    pub(crate) community_group: u64,
    /// More of `[sources.stripe]`.
    pub(crate) source: &'static str,
    /// More of `[targets.kit]`.
    pub(crate) kit: &'static str,
    /// Goods that are recorded and do nothing.
    pub(crate) ignored: &'static [&'static str],
    /// More of the plan `community`.
    pub(crate) community: &'static str,
    /// More of the file, at its end.
    pub(crate) more: &'static str,
    /// The variables.
    pub(crate) secrets: [(&'static str, String); 4],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: "/webhooks/stripe",
            mode: "live",
            has_kit: true,
            community_group: 4012,
            source: "",
            kit: "",
            ignored: &[],
            community: "",
            more: "",
            secrets: [
                ("STRIPE_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
                ("STRIPE_API_KEY", STRIPE_KEY.to_owned()),
                ("CIRCLE_TOKEN", frontdesk_sandbox::circle::TOKEN.to_owned()),
                ("KIT_API_KEY", frontdesk_sandbox::kit::API_KEY.to_owned()),
            ],
        }
    }
}

impl Settings {
    /// One of the variables.
    pub(crate) fn secret(&self, name: &str) -> &str {
        let found = self.secrets.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).expect("the four that are always there")
    }

    /// The variables as the process would see them.
    pub(crate) fn variables<'a>(&'a self, database: &'a str) -> [(&'a str, &'a str); 5] {
        let [signing, stripe, circle, kit] =
            self.secrets.each_ref().map(|(name, value)| (*name, value.as_str()));
        [signing, stripe, circle, kit, ("DATABASE_URL", database)]
    }

    /// The same, for a Frontdesk in this process.
    pub(crate) fn environment(&self, database: &str) -> Environment {
        Environment::from(self.variables(database))
    }

    /// The configuration as text.
    pub(crate) fn toml(&self, site: &str, sandbox: &str) -> String {
        let Self { path, mode, community_group, source, ignored, community, more, .. } = self;
        let tags = |tag: &str| if self.has_kit { format!("kit.tags = [\"{tag}\"]") } else { String::new() };
        let kit = if self.has_kit {
            format!(
                "[targets.kit]\napi_key = \"${{KIT_API_KEY}}\"\nbase_url = \"{sandbox}\"\nmode = \"{mode}\"\n{}",
                self.kit
            )
        } else {
            String::new()
        };
        let (member, pro, course) = (tags("member"), tags("pro"), tags("course"));
        format!(
            r#"
[site]
name = "Northwind Makers"
url = "{site}"

[store]
url = "${{DATABASE_URL}}"

[sources.stripe]
signing_secrets = ["${{STRIPE_SIGNING_SECRET}}"]
api_key = "${{STRIPE_API_KEY}}"
base_url = "{sandbox}"
path = "{path}"
{source}

[targets.circle]
token = "${{CIRCLE_TOKEN}}"
base_url = "{sandbox}"
mode = "{mode}"

{kit}

[dev]
clock = "{sandbox}/_sandbox/clock"

[catalogue]
ignore = {ignored:?}

[[plans]]
id = "community"
prices = ["stripe:price_1Community"]
grants = ["community"]
{community}

[[plans]]
id = "pro"
prices = ["stripe:price_1Pro"]
grants = ["community", "pro"]

[[plans]]
id = "course"
prices = ["stripe:price_1Course"]
grants = ["course"]

[entitlements.community]
circle.access_groups = [{community_group}]
{member}

[entitlements.pro]
circle.access_groups = [4013]
{pro}

[entitlements.course]
circle.access_groups = [4014]
{course}
{more}
"#
        )
    }
}
