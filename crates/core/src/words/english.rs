//! English. `en-US` shares the words and differs in its formats.

use super::lexicon::{
    Calendar, Lexicon, Phrases, Said,
    Sentence::{First, Form, Mail, Person, Say},
};
use super::{Act, Reason, Variant};
use crate::stage::Stage;

pub(super) const WORDS: Lexicon = Lexicon {
    name,
    said,
    reason,
    page: PAGE,
    calendar: Calendar {
        months: [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        months_short: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    },
};

fn name(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::PaymentProcessing => &["Payment processing"],
        Stage::PaymentFailed => &["Payment failed"],
        Stage::PaymentReceived => &["Payment received"],
        Stage::AccessPending => &["Access pending"],
        Stage::InviteSent => &["Invite sent"],
        Stage::Active => &["Active"],
        Stage::PastDue => &["Payment problem"],
        Stage::Ending => &["Ends {date}", "Cancelled"],
        Stage::Ended => &["Ended"],
        Stage::Refunded => &["Refunded"],
        Stage::Disputed => &["Disputed"],
        Stage::SupportReview => &["With support"],
    }
}

fn said(stage: Stage, variant: Variant) -> Said {
    match (stage, variant) {
        (Stage::PaymentProcessing, _) => Said {
            headline: &["Your payment is being confirmed."],
            meaning: &[
                Say("Your bank or the payment service has not confirmed it yet."),
                Say("Some ways to pay take minutes, others a few days."),
            ],
            next: &[Mail("We e-mail you when it is through."), Say("You do not need to pay again.")],
            button: None,
        },
        (Stage::PaymentFailed, _) => Said {
            headline: &["Your payment did not go through."],
            meaning: &[Say("The payment was not completed, so access has not started.")],
            next: &[
                Say("You can try again with the same card or another one."),
                Person("If your bank still shows an amount, write to us and we look at it."),
            ],
            button: Some((Act::TryPayment, "Try the payment again")),
        },
        (Stage::PaymentReceived, _) => Said {
            headline: &["Thank you. We have your payment."],
            meaning: &[Say("It arrived at {time}."), Say("We are opening {community} for you now.")],
            next: &[
                Say("This usually takes less than a minute."),
                Mail("You can close this page; we e-mail you."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::InLine) => Said {
            headline: &["You have paid. Access is on its way."],
            meaning: &[
                Say("Many people are joining {community} at once, and you are in line."),
                Say("Your payment is safe."),
            ],
            next: &[
                Say("We work through the line by ourselves; your turn is about {next}."),
                Say("You do not need to do anything, or pay again."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::Granted) => Said {
            headline: &["Access is on its way."],
            meaning: &[Say("We are opening {community} for you.")],
            next: &[Say("You do not need to do anything.")],
            button: None,
        },
        (Stage::AccessPending, Variant::Paused) => Said {
            headline: &["You have paid. Access is on its way."],
            meaning: &[
                Say("We have paused changes in {community} for a moment."),
                Say("Your payment is safe."),
            ],
            next: &[
                Mail("It goes on as soon as the pause ends, and we e-mail you."),
                Say("You do not need to do anything."),
            ],
            button: None,
        },
        (Stage::AccessPending, _) => Said {
            headline: &["You have paid. Access is on its way."],
            meaning: &[Say("{community} is not answering us right now."), Say("Your payment is safe.")],
            next: &[
                Say("We keep trying by ourselves; the next try is at {next}."),
                Say("You do not need to do anything, or pay again."),
            ],
            button: None,
        },
        (Stage::InviteSent, Variant::Expired) => Said {
            headline: &["Your invitation is more than a week old."],
            meaning: &[First(&[
                "It was sent to {address} on {date} and may no longer work.",
                "It may no longer work.",
            ])],
            next: &[Mail("We can send you a fresh mail with the way in."), Say("Your payment is safe.")],
            button: Some((Act::OpenCommunity, "Open the community")),
        },
        (Stage::InviteSent, _) => Said {
            headline: &["Check your inbox."],
            meaning: &[First(&[
                "Your invitation is in the mail called “{subject}”, sent to {address} on {date}.",
                "Your invitation was sent to {address} on {date}.",
                "Your invitation was sent by e-mail.",
            ])],
            next: &[Say("Open it and choose a password."), Say("Not there? Look in spam or promotions.")],
            button: Some((Act::OpenCommunity, "Open the community")),
        },
        (Stage::Active, _) => Said {
            headline: &["You’re in."],
            meaning: &[Say("Everything you paid for is open.")],
            next: &[First(&["{plan} renews on {date} for {amount}.", "{plan} renews on {date}."])],
            button: Some((Act::OpenCommunity, "Go to the community")),
        },
        (Stage::PastDue, _) => Said {
            headline: &["Your renewal did not go through."],
            meaning: &[Say("You keep your access for now."), Say("The bank’s answer: {reason}.")],
            next: &[Say("Update your payment details by {date} to keep it."), Say("We try again on {next}.")],
            button: Some((Act::UpdatePayment, "Update payment details")),
        },
        (Stage::Ending, _) => Said {
            headline: &["Your access ends on {date}.", "Your plan is cancelled."],
            meaning: &[Say("{plan} is cancelled and stays open until then."), Say("It does not renew.")],
            next: &[Say("If you change your mind before that day, nothing is interrupted.")],
            button: None,
        },
        (Stage::Ended, _) => Said {
            headline: &["Your access has ended."],
            meaning: &[Say("{plan} ended on {date} and was not renewed.")],
            next: &[Say("What you bought to keep stays yours."), Say("You are welcome back at any time.")],
            button: None,
        },
        (Stage::Refunded, _) => Said {
            headline: &["Your payment was refunded."],
            meaning: &[Say("{amount} was refunded on {date}, and access to {community} ended with it.")],
            next: &[
                Say("When it shows on your statement depends on your bank."),
                Person("If this was a mistake, ask a person below."),
            ],
            button: None,
        },
        (Stage::Disputed, _) => Said {
            headline: &["Your bank is looking at a payment."],
            meaning: &[
                Say("The payment of {amount} was questioned with the bank on {date}."),
                Say("Access to {community} is paused until that is settled."),
            ],
            next: &[Person("If this was not meant, write to us and we sort it out together.")],
            button: Some((Act::WriteToPerson, "Write to a person")),
        },
        (Stage::SupportReview, Variant::MailCameBack) => Said {
            headline: &["We cannot reach your address."],
            meaning: &[Say("Our mail to {address} came back."), Say("Your payment is safe.")],
            next: &[Form("Check the address below, or give us another one."), Say("Your case is {case}.")],
            button: None,
        },
        (Stage::SupportReview, _) => Said {
            headline: &["A person is looking into it."],
            meaning: &[
                Say("Your payment is safe."),
                Say("We could not open {community} by ourselves, so someone is checking it."),
            ],
            next: &[Say("Your case is {case}."), Say("You do not need to write twice or pay again.")],
            button: None,
        },
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "the card has expired",
        Reason::Funds => "the amount was not available",
        Reason::Confirm => "the bank wants you to confirm it",
        Reason::Details => "the details did not match",
        Reason::Declined => "declined, no reason given",
    }
}

const PAGE: Phrases = Phrases {
    skip: "Skip to content",
    how_far: "How far it is",
    steps: ["Payment received", "Opening the community", "Invitation sent", "You accept it", "You’re in"],
    done: "done",
    to_come: "still to come",
    have: "What you have",
    paid_until: "{plan}, paid until {date}",
    checked: "Checked {age} ago · updates by itself",
    as_of: "As of {time}",
    check_again: "Check again",
    paused: "Live updates paused. This is how it was at {time}.",
    load_again: "Load again",
    could_not_look: "We could not look just now. This is from {time}.",
    right_address: "Is this the right address?",
    goes_to: "Everything goes to {address}.",
    typo: "There may be a typing mistake.",
    typo_meant: "Did you mean an address at {domain}? We change nothing unless you say so.",
    write: "Write to a person",
    nothing: "There is nothing here yet.",
    nothing_means: "If you have just paid, this page shows it as soon as the payment service tells us.",
    link_gone: "This link no longer works.",
    link_gone_write: "Write to us from the address you paid with, and we help you.",
    link_gone_return: "Go back to where you found it and look for a newer one.",
    failed: "We could not show this page.",
    failed_means: "Nothing was changed, and your payment is safe. Load the page again in a minute.",
    missing: "There is no such page.",
    missing_means: "Check the address, or follow the link again.",
    request: "Request {id}",
    times_for: "Times are for {zone}.",
    languages: "Language",
};
