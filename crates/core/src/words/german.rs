//! German, with *Sie*.

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
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        months_short: [
            "Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez.",
        ],
        weekdays: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    },
};

fn name(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::PaymentProcessing => &["Zahlung läuft"],
        Stage::PaymentFailed => &["Zahlung nicht erfolgt"],
        Stage::PaymentReceived => &["Zahlung erhalten"],
        Stage::AccessPending => &["Zugang folgt"],
        Stage::InviteSent => &["Einladung gesendet"],
        Stage::Active => &["Aktiv"],
        Stage::PastDue => &["Problem mit der Zahlung"],
        Stage::Ending => &["Endet am {date}", "Gekündigt"],
        Stage::Ended => &["Beendet"],
        Stage::Refunded => &["Erstattet"],
        Stage::Disputed => &["Strittig"],
        Stage::SupportReview => &["Beim Support"],
    }
}

fn said(stage: Stage, variant: Variant) -> Said {
    match (stage, variant) {
        (Stage::PaymentProcessing, _) => Said {
            headline: &["Ihre Zahlung wird noch bestätigt."],
            meaning: &[
                Say("Ihre Bank oder der Zahlungsdienst hat sie noch nicht bestätigt."),
                Say("Manche Zahlungsarten brauchen Minuten, andere einige Tage."),
            ],
            next: &[
                Mail("Wir schreiben Ihnen, sobald sie bestätigt ist."),
                Say("Sie müssen nicht noch einmal zahlen."),
            ],
            button: None,
        },
        (Stage::PaymentFailed, _) => Said {
            headline: &["Die Zahlung hat nicht geklappt."],
            meaning: &[Say("Sie wurde nicht abgeschlossen, deshalb hat der Zugang noch nicht begonnen.")],
            next: &[
                Say("Sie können es mit derselben oder einer anderen Karte noch einmal versuchen."),
                Person("Wenn Ihre Bank einen Betrag anzeigt, schreiben Sie uns; wir sehen nach."),
            ],
            button: Some((Act::TryPayment, "Zahlung erneut versuchen")),
        },
        (Stage::PaymentReceived, _) => Said {
            headline: &["Vielen Dank. Ihre Zahlung ist eingegangen."],
            meaning: &[Say("Sie kam um {time} an."), Say("Wir öffnen Ihnen gerade {community}.")],
            next: &[
                Say("Das dauert meist weniger als eine Minute."),
                Mail("Sie können diese Seite schließen; wir schreiben Ihnen."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::InLine) => Said {
            headline: &["Sie haben bezahlt. Der Zugang folgt."],
            meaning: &[
                Say("Viele kommen gerade gleichzeitig zu {community}, und Sie sind in der Reihe."),
                Say("Ihre Zahlung ist sicher."),
            ],
            next: &[
                Say("Es geht von selbst weiter; Sie sind etwa um {next} an der Reihe."),
                Say("Sie müssen nichts tun und nicht noch einmal zahlen."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::Granted) => Said {
            headline: &["Der Zugang folgt."],
            meaning: &[Say("Wir öffnen {community} für Sie.")],
            next: &[Say("Sie müssen nichts tun.")],
            button: None,
        },
        (Stage::AccessPending, Variant::Paused) => Said {
            headline: &["Sie haben bezahlt. Der Zugang folgt."],
            meaning: &[
                Say("Wir haben Änderungen in {community} kurz angehalten."),
                Say("Ihre Zahlung ist sicher."),
            ],
            next: &[
                Mail("Es geht weiter, sobald die Pause endet, und wir schreiben Ihnen."),
                Say("Sie müssen nichts tun."),
            ],
            button: None,
        },
        (Stage::AccessPending, _) => Said {
            headline: &["Sie haben bezahlt. Der Zugang folgt."],
            meaning: &[Say("{community} antwortet uns gerade nicht."), Say("Ihre Zahlung ist sicher.")],
            next: &[
                Say("Wir versuchen es von selbst weiter; der nächste Versuch ist um {next}."),
                Say("Sie müssen nichts tun und nicht noch einmal zahlen."),
            ],
            button: None,
        },
        (Stage::InviteSent, Variant::Expired) => Said {
            headline: &["Ihre Einladung ist über eine Woche alt."],
            meaning: &[First(&[
                "Sie ging am {date} an {address} und funktioniert vielleicht nicht mehr.",
                "Sie funktioniert vielleicht nicht mehr.",
            ])],
            next: &[
                Mail("Wir können Ihnen eine neue E-Mail mit dem Weg hinein senden."),
                Say("Ihre Zahlung ist sicher."),
            ],
            button: Some((Act::OpenCommunity, "Community öffnen")),
        },
        (Stage::InviteSent, _) => Said {
            headline: &["Schauen Sie in Ihr Postfach."],
            meaning: &[First(&[
                "Ihre Einladung steht in der E-Mail „{subject}“, gesendet an {address} am {date}.",
                "Die E-Mail mit Ihrer Einladung ging am {date} an {address}.",
                "Die E-Mail mit Ihrer Einladung ist gesendet.",
            ])],
            next: &[
                Say("Öffnen Sie sie und wählen Sie ein Passwort."),
                Say("Nicht da? Sehen Sie im Spam- oder Werbeordner nach."),
            ],
            button: Some((Act::OpenCommunity, "Community öffnen")),
        },
        (Stage::Active, _) => Said {
            headline: &["Sie sind drin."],
            meaning: &[Say("Alles, was Sie bezahlt haben, ist offen.")],
            next: &[First(&[
                "{plan} verlängert sich am {date} für {amount}.",
                "{plan} verlängert sich am {date}.",
            ])],
            button: Some((Act::OpenCommunity, "Zur Community")),
        },
        (Stage::PastDue, _) => Said {
            headline: &["Die Verlängerung hat nicht geklappt."],
            meaning: &[Say("Sie behalten Ihren Zugang vorerst."), Say("Antwort der Bank: {reason}.")],
            next: &[
                Say("Aktualisieren Sie bis zum {date} Ihre Zahlungsdaten, um ihn zu behalten."),
                Say("Wir versuchen es am {next} erneut."),
            ],
            button: Some((Act::UpdatePayment, "Zahlungsdaten aktualisieren")),
        },
        (Stage::Ending, _) => Said {
            headline: &["Ihr Zugang endet am {date}.", "Ihr Plan ist gekündigt."],
            meaning: &[
                Say("{plan} ist gekündigt und bleibt bis dahin offen."),
                Say("Es verlängert sich nicht."),
            ],
            next: &[Say("Wenn Sie es sich bis dahin anders überlegen, wird nichts unterbrochen.")],
            button: None,
        },
        (Stage::Ended, _) => Said {
            headline: &["Ihr Zugang ist beendet."],
            meaning: &[Say("{plan} endete am {date} und wurde nicht verlängert.")],
            next: &[
                Say("Was Sie auf Dauer gekauft haben, bleibt Ihres."),
                Say("Sie können jederzeit wiederkommen."),
            ],
            button: None,
        },
        (Stage::Refunded, _) => Said {
            headline: &["Ihre Zahlung wurde erstattet."],
            meaning: &[Say("{amount} wurde am {date} erstattet; damit endete der Zugang zu {community}.")],
            next: &[
                Say("Wann der Betrag auf Ihrem Konto erscheint, hängt von Ihrer Bank ab."),
                Person("War es ein Versehen? Fragen Sie unten einen Menschen."),
            ],
            button: None,
        },
        (Stage::Disputed, _) => Said {
            headline: &["Ihre Bank prüft eine Zahlung."],
            meaning: &[
                Say("Die Zahlung von {amount} wurde am {date} bei der Bank beanstandet."),
                Say("Der Zugang zu {community} ruht, bis das geklärt ist."),
            ],
            next: &[Person("War das nicht beabsichtigt? Schreiben Sie uns, wir klären es gemeinsam.")],
            button: Some((Act::WriteToPerson, "Einem Menschen schreiben")),
        },
        (Stage::SupportReview, Variant::MailCameBack) => Said {
            headline: &["Wir erreichen Ihre Adresse nicht."],
            meaning: &[Say("Unsere E-Mail an {address} kam zurück."), Say("Ihre Zahlung ist sicher.")],
            next: &[
                Form("Prüfen Sie unten die Adresse, oder nennen Sie uns eine andere."),
                Say("Ihr Fall ist {case}."),
            ],
            button: None,
        },
        (Stage::SupportReview, _) => Said {
            headline: &["Ein Mensch kümmert sich darum."],
            meaning: &[
                Say("Ihre Zahlung ist sicher."),
                Say("Wir konnten {community} nicht von selbst öffnen, deshalb sieht jemand nach."),
            ],
            next: &[
                Say("Ihr Fall ist {case}."),
                Say("Sie müssen nicht zweimal schreiben und nicht noch einmal zahlen."),
            ],
            button: None,
        },
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "die Karte ist abgelaufen",
        Reason::Funds => "der Betrag war nicht verfügbar",
        Reason::Confirm => "die Bank möchte Ihre Bestätigung",
        Reason::Details => "die Angaben stimmten nicht überein",
        Reason::Declined => "abgelehnt, ohne Angabe von Gründen",
    }
}

const PAGE: Phrases = Phrases {
    skip: "Zum Inhalt",
    how_far: "Wie weit es ist",
    steps: [
        "Zahlung erhalten",
        "Community wird geöffnet",
        "Einladung gesendet",
        "Sie nehmen sie an",
        "Sie sind drin",
    ],
    done: "erledigt",
    to_come: "kommt noch",
    have: "Was Sie haben",
    paid_until: "{plan}, bezahlt bis {date}",
    checked: "Vor {age} geprüft · aktualisiert sich selbst",
    as_of: "Stand {time}",
    check_again: "Erneut prüfen",
    paused: "Die Aktualisierung ruht. So war es um {time}.",
    load_again: "Neu laden",
    could_not_look: "Wir konnten gerade nicht nachsehen. Dies ist von {time}.",
    right_address: "Ist das die richtige Adresse?",
    goes_to: "Alles geht an {address}.",
    typo: "Vielleicht ein Tippfehler.",
    typo_meant: "Meinten Sie eine Adresse bei {domain}? Wir ändern nichts ohne Ihr Wort.",
    write: "Einem Menschen schreiben",
    nothing: "Hier ist noch nichts.",
    nothing_means: "Wenn Sie gerade bezahlt haben, steht es hier, sobald der Zahlungsdienst es uns meldet.",
    link_gone: "Dieser Link gilt nicht mehr.",
    link_gone_write: "Schreiben Sie uns von der Adresse, mit der Sie bezahlt haben; wir helfen Ihnen.",
    link_gone_return: "Gehen Sie dorthin zurück, wo Sie ihn gefunden haben, und suchen Sie einen neueren.",
    failed: "Wir konnten diese Seite nicht zeigen.",
    failed_means: "Es wurde nichts geändert, und Ihre Zahlung ist sicher. Laden Sie die Seite in einer Minute neu.",
    missing: "Diese Seite gibt es nicht.",
    missing_means: "Prüfen Sie die Adresse, oder folgen Sie dem Link noch einmal.",
    request: "Anfrage {id}",
    times_for: "Die Zeiten gelten für {zone}.",
    languages: "Sprache",
};
