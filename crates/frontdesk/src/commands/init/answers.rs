//! What `init` has to know: asked for, or read from a file.

use crate::config::{BaseUrl, Environment};
use crate::errors::{Code, Failure, Report};
use frontdesk_core::email::Email;
use frontdesk_providers::secret::Secret;
use inquire::validator::Validation;
use inquire::{Confirm, Password, PasswordDisplayMode, Text};
use serde::Deserialize;
use std::path::Path;

/// All answers.
pub(super) struct Answers {
    pub(super) site: Site,
    pub(super) stripe: Stripe,
    pub(super) circle: Option<Provider>,
    pub(super) kit: Option<Provider>,
}

/// The site that customers see.
pub(super) struct Site {
    pub(super) name: String,
    pub(super) url: BaseUrl,
    pub(super) community_url: Option<String>,
    pub(super) help_email: Option<String>,
}

/// The Stripe account.
pub(super) struct Stripe {
    pub(super) base_url: BaseUrl,
    pub(super) key: Secret,
    pub(super) signing_secret: Option<Secret>,
    pub(super) endpoint: EndpointWish,
}

/// A target: where, and what opens it.
pub(super) struct Provider {
    pub(super) base_url: BaseUrl,
    pub(super) key: Secret,
}

/// What to do where no webhook endpoint leads here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndpointWish {
    /// Make one, with a key that may.
    Make,
    /// Say which one somebody has to make.
    #[default]
    Print,
}

/// The bare hosts of the providers.
const STRIPE: &str = "https://api.stripe.com";
const CIRCLE: &str = "https://app.circle.so";
const KIT: &str = "https://api.kit.com";

/// The form of an answers file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    site: SiteSheet,
    stripe: StripeSheet,
    circle: Option<CircleSheet>,
    kit: Option<KitSheet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteSheet {
    name: String,
    url: String,
    community_url: Option<String>,
    help_email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StripeSheet {
    api_key: String,
    signing_secret: Option<String>,
    base_url: Option<String>,
    #[serde(default)]
    endpoint: EndpointWish,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CircleSheet {
    token: String,
    base_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KitSheet {
    api_key: String,
    base_url: Option<String>,
}

impl Answers {
    /// Reads a file of answers. Secrets in it are names of variables, as in the configuration: `"${STRIPE_API_KEY}"`.
    pub(super) fn read(path: &Path, environment: &Environment) -> Result<Self, Failure> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Report::error(Code::ConfigUnreadable, format!("could not read `{shown}`"))
                .because(&error)
                .hint("name the file of answers: `frontdesk init --answers answers.toml`")
        })?;
        let sheet: Sheet = toml::from_str(&text).map_err(|error| {
            Report::error(
                Code::ConfigNotToml,
                format!("`{shown}` is no file of answers: {}", error.message()),
            )
            .hint("it has [site], [stripe], and [circle] and [kit] where they are used")
        })?;
        let secret = |key: &str, text: &str| from_environment(key, text, environment);
        let (circle, kit) = (sheet.circle, sheet.kit);
        Ok(Self {
            site: Site {
                name: sheet.site.name,
                url: base("site.url", &sheet.site.url)?,
                community_url: sheet.site.community_url,
                help_email: sheet.site.help_email,
            },
            stripe: Stripe {
                base_url: base("stripe.base_url", sheet.stripe.base_url.as_deref().unwrap_or(STRIPE))?,
                key: secret("stripe.api_key", &sheet.stripe.api_key)?,
                signing_secret: sheet
                    .stripe
                    .signing_secret
                    .as_deref()
                    .map(|text| secret("stripe.signing_secret", text))
                    .transpose()?,
                endpoint: sheet.stripe.endpoint,
            },
            circle: circle
                .map(|sheet| {
                    let base_url = base("circle.base_url", sheet.base_url.as_deref().unwrap_or(CIRCLE))?;
                    Ok::<_, Failure>(Provider { base_url, key: secret("circle.token", &sheet.token)? })
                })
                .transpose()?,
            kit: kit
                .map(|sheet| {
                    let base_url = base("kit.base_url", sheet.base_url.as_deref().unwrap_or(KIT))?;
                    Ok::<_, Failure>(Provider { base_url, key: secret("kit.api_key", &sheet.api_key)? })
                })
                .transpose()?,
        })
    }

    /// Asks whoever sits at the terminal. Secrets are pasted without being shown.
    pub(super) fn ask() -> Result<Self, Failure> {
        let name =
            asked(Text::new("The name of your community:").with_help_message("what customers see").prompt())?;
        let url = Text::new("Where will customers reach this Frontdesk?")
            .with_placeholder("https://members.northwind.example")
            .with_validator(|text: &str| {
                Ok(BaseUrl::parse(text).map_or_else(
                    |why| Validation::Invalid(format!("that {why}").into()),
                    |_| Validation::Valid,
                ))
            });
        let url = base("site.url", &asked(url.prompt())?)?;
        let community_url =
            Text::new("Where do members sign in to the community?").with_help_message("may stay empty");
        let community_url = Some(asked(community_url.prompt())?).filter(|text| !text.trim().is_empty());
        let help = Text::new("The address at which a person answers:")
            .with_help_message("may stay empty")
            .with_validator(|text: &str| {
                Ok(if text.trim().is_empty() || Email::parse(text).is_some() {
                    Validation::Valid
                } else {
                    Validation::Invalid("that is no address".into())
                })
            });
        let help_email = Some(asked(help.prompt())?).filter(|text| !text.trim().is_empty());
        let key = pasted("A restricted key of Stripe (rk_…):", "stripe.api_key")?;
        let makes = Confirm::new("Make the webhook endpoint in Stripe, if there is none?")
            .with_default(false)
            .with_help_message("needs a key with the permission rak_webhook_write");
        let endpoint = if asked(makes.prompt())? { EndpointWish::Make } else { EndpointWish::Print };
        let signing_secret = match endpoint {
            EndpointWish::Make => None,
            EndpointWish::Print => maybe_pasted(
                "Its signing secret (whsec_…), if there is an endpoint:",
                "stripe.signing_secret",
            )?,
        };
        let circle = maybe_pasted("An Admin API v2 token of Circle, if you use Circle:", "circle.token")?;
        let kit = maybe_pasted("A v4 API key of Kit, if you use Kit:", "kit.api_key")?;
        let provider = |key: Option<Secret>, url: &str| {
            key.map(|key| Ok::<_, Failure>(Provider { base_url: base("base_url", url)?, key })).transpose()
        };
        Ok(Self {
            site: Site { name, url, community_url, help_email },
            stripe: Stripe { base_url: base("stripe.base_url", STRIPE)?, key, signing_secret, endpoint },
            circle: provider(circle, CIRCLE)?,
            kit: provider(kit, KIT)?,
        })
    }

    /// Whether every provider is on this machine.
    pub(super) fn is_sandboxed(&self) -> bool {
        let targets = self.circle.iter().chain(&self.kit).all(|provider| provider.base_url.is_loopback());
        self.stripe.base_url.is_loopback() && targets
    }

    /// Where the source's webhooks are to go.
    pub(super) fn endpoint_url(&self) -> String {
        format!("{}{}", self.site.url, super::PATH)
    }
}

/// The bare hosts that need not be written down.
pub(super) fn is_usual(url: &BaseUrl) -> bool {
    [STRIPE, CIRCLE, KIT].contains(&url.as_str())
}

fn base(key: &str, text: &str) -> Result<BaseUrl, Failure> {
    BaseUrl::parse(text.trim()).map_err(|why| {
        let report = Report::error(Code::UnusableUrl, format!("`{text}` {why} (`{key}`)"));
        report.hint("write scheme and host alone, such as https://members.northwind.example").into()
    })
}

fn from_environment(key: &str, text: &str, environment: &Environment) -> Result<Secret, Failure> {
    let name = text.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let Some(name) = name else {
        let report = Report::error(
            Code::LiteralSecret,
            format!("`{key}` has a secret written into the file of answers"),
        );
        return Err(report.hint(format!("put it into a variable and write {key} = \"${{NAME}}\"")).into());
    };
    match environment.get(name) {
        Some(value) => Ok(Secret::new(key, value.trim().to_owned())),
        None => Err(Report::error(Code::VariableMissing, format!("the variable `{name}` is not set"))
            .hint(format!("`{key}` names it"))
            .into()),
    }
}

fn pasted(question: &str, key: &str) -> Result<Secret, Failure> {
    maybe_pasted(question, key)?.ok_or_else(|| {
        Report::error(Code::MissingKey, format!("`{key}` was left empty"))
            .hint("run it again once you have the key")
            .into()
    })
}

fn maybe_pasted(question: &str, key: &str) -> Result<Option<Secret>, Failure> {
    let prompt =
        Password::new(question).with_display_mode(PasswordDisplayMode::Masked).without_confirmation();
    let text = asked(prompt.prompt())?.trim().to_owned();
    Ok((!text.is_empty()).then(|| Secret::new(key, text)))
}

/// An answer; whoever leaves has not confirmed anything.
pub(super) fn asked<T>(answer: Result<T, inquire::InquireError>) -> Result<T, Failure> {
    answer.map_err(|error| {
        Report::error(Code::NotConfirmed, "the questions were left, and nothing was written")
            .because(&error)
            .hint("run `frontdesk init` again; nothing has to be undone")
            .into()
    })
}
