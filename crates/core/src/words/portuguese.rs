//! Portuguese as in Brazil, with *você*.

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
            "janeiro",
            "fevereiro",
            "março",
            "abril",
            "maio",
            "junho",
            "julho",
            "agosto",
            "setembro",
            "outubro",
            "novembro",
            "dezembro",
        ],
        months_short: [
            "jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.", "set.", "out.", "nov.", "dez.",
        ],
        weekdays: [
            "segunda-feira",
            "terça-feira",
            "quarta-feira",
            "quinta-feira",
            "sexta-feira",
            "sábado",
            "domingo",
        ],
    },
};

fn name(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::PaymentProcessing => &["Pagamento em andamento"],
        Stage::PaymentFailed => &["Pagamento não concluído"],
        Stage::PaymentReceived => &["Pagamento recebido"],
        Stage::AccessPending => &["Acesso pendente"],
        Stage::InviteSent => &["Convite enviado"],
        Stage::Active => &["Ativo"],
        Stage::PastDue => &["Problema no pagamento"],
        Stage::Ending => &["Termina em {date}", "Cancelado"],
        Stage::Ended => &["Encerrado"],
        Stage::Refunded => &["Reembolsado"],
        Stage::Disputed => &["Contestado"],
        Stage::SupportReview => &["Com o suporte"],
    }
}

fn said(stage: Stage, variant: Variant) -> Said {
    match (stage, variant) {
        (Stage::PaymentProcessing, _) => Said {
            headline: &["Seu pagamento está sendo confirmado."],
            meaning: &[
                Say("Seu banco ou o serviço de pagamento ainda não confirmou."),
                Say("Algumas formas de pagamento levam minutos; outras, alguns dias."),
            ],
            next: &[Mail("Escreveremos assim que for confirmado."), Say("Você não precisa pagar de novo.")],
            button: None,
        },
        (Stage::PaymentFailed, _) => Said {
            headline: &["O pagamento não foi concluído."],
            meaning: &[Say("Ele não chegou ao fim; por isso o acesso ainda não começou.")],
            next: &[
                Say("Você pode tentar com o mesmo cartão ou com outro."),
                Person("Se o banco mostrar algum valor, escreva para nós e verificamos."),
            ],
            button: Some((Act::TryPayment, "Tentar o pagamento de novo")),
        },
        (Stage::PaymentReceived, _) => Said {
            headline: &["Agradecemos. Recebemos seu pagamento."],
            meaning: &[Say("Chegou às {time}."), Say("Estamos abrindo {community} para você.")],
            next: &[
                Say("Costuma levar menos de um minuto."),
                Mail("Pode fechar esta página; escreveremos para você."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::InLine) => Said {
            headline: &["Você já pagou. O acesso está a caminho."],
            meaning: &[
                Say("Muita gente está entrando em {community} ao mesmo tempo e você está na fila."),
                Say("Seu pagamento está seguro."),
            ],
            next: &[
                Say("A fila anda sozinha; sua vez é por volta das {next}."),
                Say("Você não precisa fazer nada nem pagar de novo."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::Granted) => Said {
            headline: &["O acesso está a caminho."],
            meaning: &[Say("Estamos abrindo {community} para você.")],
            next: &[Say("Você não precisa fazer nada.")],
            button: None,
        },
        (Stage::AccessPending, Variant::Paused) => Said {
            headline: &["Você já pagou. O acesso está a caminho."],
            meaning: &[
                Say("Pausamos por um momento as mudanças em {community}."),
                Say("Seu pagamento está seguro."),
            ],
            next: &[
                Mail("Continua assim que a pausa terminar e escreveremos."),
                Say("Você não precisa fazer nada."),
            ],
            button: None,
        },
        (Stage::AccessPending, _) => Said {
            headline: &["Você já pagou. O acesso está a caminho."],
            meaning: &[Say("{community} não está respondendo agora."), Say("Seu pagamento está seguro.")],
            next: &[
                Say("Continuamos tentando; a próxima tentativa é às {next}."),
                Say("Você não precisa fazer nada nem pagar de novo."),
            ],
            button: None,
        },
        (Stage::InviteSent, Variant::Expired) => Said {
            headline: &["Seu convite tem mais de uma semana."],
            meaning: &[First(&[
                "Foi enviado para {address} em {date} e talvez não funcione mais.",
                "Talvez não funcione mais.",
            ])],
            next: &[Mail("Podemos enviar um novo e-mail com a entrada."), Say("Seu pagamento está seguro.")],
            button: Some((Act::OpenCommunity, "Abrir a comunidade")),
        },
        (Stage::InviteSent, _) => Said {
            headline: &["Veja seu e-mail."],
            meaning: &[First(&[
                "Seu convite está na mensagem “{subject}”, enviada para {address} em {date}.",
                "A mensagem com seu convite foi enviada para {address} em {date}.",
                "A mensagem com seu convite foi enviada.",
            ])],
            next: &[Say("Abra e escolha uma senha."), Say("Não encontrou? Veja em spam ou promoções.")],
            button: Some((Act::OpenCommunity, "Abrir a comunidade")),
        },
        (Stage::Active, _) => Said {
            headline: &["Pronto, é só entrar."],
            meaning: &[Say("Tudo o que você pagou está aberto.")],
            next: &[First(&["{plan} renova em {date} por {amount}.", "{plan} renova em {date}."])],
            button: Some((Act::OpenCommunity, "Ir para a comunidade")),
        },
        (Stage::PastDue, _) => Said {
            headline: &["A renovação não foi concluída."],
            meaning: &[Say("Por enquanto você mantém o acesso."), Say("Resposta do banco: {reason}.")],
            next: &[
                Say("Atualize os dados de pagamento até {date} para mantê-lo."),
                Say("Tentaremos de novo em {next}."),
            ],
            button: Some((Act::UpdatePayment, "Atualizar pagamento")),
        },
        (Stage::Ending, _) => Said {
            headline: &["Seu acesso termina em {date}.", "Seu plano foi cancelado."],
            meaning: &[Say("{plan} foi cancelado e continua aberto até lá."), Say("Não será renovado.")],
            next: &[Say("Se mudar de ideia antes desse dia, nada é interrompido.")],
            button: None,
        },
        (Stage::Ended, _) => Said {
            headline: &["Seu acesso terminou."],
            meaning: &[Say("{plan} terminou em {date} e não foi renovado.")],
            next: &[Say("O que você comprou em definitivo continua seu."), Say("Volte quando quiser.")],
            button: None,
        },
        (Stage::Refunded, _) => Said {
            headline: &["Seu pagamento foi reembolsado."],
            meaning: &[Say("{amount} foi reembolsado em {date} e o acesso a {community} terminou com isso.")],
            next: &[
                Say("Quando aparece no extrato depende do seu banco."),
                Person("Se foi engano, fale com uma pessoa abaixo."),
            ],
            button: None,
        },
        (Stage::Disputed, _) => Said {
            headline: &["Seu banco está analisando um pagamento."],
            meaning: &[
                Say("O pagamento de {amount} foi contestado no banco em {date}."),
                Say("O acesso a {community} fica em pausa até isso se resolver."),
            ],
            next: &[Person("Se não foi intencional, escreva para nós e resolvemos juntos.")],
            button: Some((Act::WriteToPerson, "Escrever a uma pessoa")),
        },
        (Stage::SupportReview, Variant::MailCameBack) => Said {
            headline: &["Não conseguimos escrever para você."],
            meaning: &[Say("Nosso e-mail para {address} voltou."), Say("Seu pagamento está seguro.")],
            next: &[Form("Confira o endereço abaixo ou informe outro."), Say("Seu caso é {case}.")],
            button: None,
        },
        (Stage::SupportReview, _) => Said {
            headline: &["Uma pessoa está cuidando disso."],
            meaning: &[
                Say("Seu pagamento está seguro."),
                Say("Não conseguimos abrir {community} automaticamente, então alguém está verificando."),
            ],
            next: &[
                Say("Seu caso é {case}."),
                Say("Você não precisa escrever duas vezes nem pagar de novo."),
            ],
            button: None,
        },
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "o cartão venceu",
        Reason::Funds => "o valor não estava disponível",
        Reason::Confirm => "o banco pede sua confirmação",
        Reason::Details => "os dados não conferem",
        Reason::Declined => "recusado, sem motivo informado",
    }
}

const PAGE: Phrases = Phrases {
    skip: "Ir para o conteúdo",
    how_far: "Até onde chegou",
    steps: [
        "Pagamento recebido",
        "Abrindo a comunidade",
        "Convite enviado",
        "Você aceita",
        "Pronto, é só entrar",
    ],
    done: "feito",
    to_come: "ainda por vir",
    have: "O que você tem",
    paid_until: "{plan}, pago até {date}",
    checked: "Verificado há {age} · atualiza sozinha",
    as_of: "Às {time}",
    check_again: "Verificar de novo",
    paused: "As atualizações estão em pausa. Era assim às {time}.",
    load_again: "Carregar de novo",
    could_not_look: "Não conseguimos verificar agora. Isto é das {time}.",
    right_address: "Este endereço está certo?",
    goes_to: "Tudo vai para {address}.",
    typo: "Pode haver um erro de digitação.",
    typo_meant: "Você quis dizer um endereço em {domain}? Não mudamos nada sem você confirmar.",
    write: "Escrever a uma pessoa",
    nothing: "Ainda não há nada aqui.",
    nothing_means: "Se você acabou de pagar, esta página mostra assim que o serviço de pagamento nos avisar.",
    link_gone: "Este link não funciona mais.",
    link_gone_write: "Escreva para nós do endereço usado no pagamento e ajudamos você.",
    link_gone_return: "Volte para onde você o encontrou e procure um mais recente.",
    failed: "Não conseguimos mostrar esta página.",
    failed_means: "Nada mudou e seu pagamento está seguro. Carregue a página de novo em um minuto.",
    missing: "Esta página não existe.",
    missing_means: "Confira o endereço ou siga o link de novo.",
    request: "Solicitação {id}",
    times_for: "Os horários são de {zone}.",
    languages: "Idioma",
};
