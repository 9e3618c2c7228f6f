//! The record of moderation as a table of statements of reasons, with what the Digital Services Act asks for in its Article 17:
//! what was restricted, for how long, on which facts and by whose eye, on which ground, and what can be done about it. In
//! plain words, for people and their spreadsheets.

use footlight_media::Time;
use footlight_protocol::moderation::{Act, Former, Reason};
use footlight_protocol::report::{Complaint, Dismissed, Ground, Lifted, Step, Upheld};
use footlight_protocol::room::{EventKind, Member, UnixMillis};

/// Texts of one act that are in its row. A raid may have hundreds, which are in the record itself.
const FACTS: usize = 20;

/// A text in English and in 简体中文.
type Text = [&'static str; 2];

/// The language of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Language(usize);

impl Language {
    /// Of a BCP 47 tag; English where it is none of ours.
    pub(super) fn of(tag: &str) -> Self {
        Self(usize::from(tag.get(..2).is_some_and(|tag| tag.eq_ignore_ascii_case("zh"))))
    }

    fn say(self, text: Text) -> &'static str {
        text[self.0]
    }
}

const COLUMNS: [Text; 13] = [
    ["Number", "编号"],
    ["Time (UTC)", "时间 (UTC)"],
    ["What was restricted", "限制内容"],
    ["Where", "范围"],
    ["Until (UTC)", "截止时间 (UTC)"],
    ["Person", "相关人员"],
    ["Person's number", "人员编号"],
    ["Facts", "事实"],
    ["Brought up by", "来源"],
    ["Found automatically", "是否自动发现"],
    ["Decided automatically", "是否自动决定"],
    ["Ground", "依据"],
    ["What can be done about it", "申诉途径"],
];
const YES: Text = ["yes", "是"];
const NO: Text = ["no", "否"];
const HERE: Text = ["this room, wherever it is watched", "本直播间，不限地区"];
const NOT_LIMITED: Text = ["until it is undone", "直至撤销"];
const OWN_EYE: Text = ["the room's own moderation", "直播间自行审核"];
const RULES: Text = ["rules of the room", "直播间规则"];
const LAW: Text = ["against the law, as viewers say", "观众认为违法"];
const NOTHING: Text = ["nothing", "无"];
const MORE: Text = ["more", "更多"];
const APPEAL: Text = [
    "Write to the owner of the room, who can undo it, within six months. You may also turn to a certified body for \
     out-of-court disputes (Article 21 of the Digital Services Act), or to a court.",
    "可在六个月内联系直播间主播申请撤销；也可以向经认证的庭外争议解决机构（《数字服务法》第21条）或法院提出申诉。",
];
const CONTACT: Text = ["The owner is reached at", "主播联系方式："];

/// A statement without its facts, which stand beside it.
struct Statement<'a> {
    what: Text,
    /// More of it, as the length of a step.
    step: Option<Text>,
    until: Option<UnixMillis>,
    whom: Option<&'a Member>,
    ground: String,
    /// How many viewers reported it, where they did.
    people: u32,
    /// Whether somebody may do something now that they could not before, or nothing was done to anybody.
    lifted: bool,
}

impl<'a> Statement<'a> {
    fn new(what: Text, whom: Option<&'a Member>, ground: &str) -> Self {
        Self { what, step: None, until: None, whom, ground: ground.to_owned(), people: 0, lifted: false }
    }
}

/// The names of the columns.
pub(super) fn head(language: Language) -> String {
    line(COLUMNS.iter().map(|name| language.say(*name).to_owned()))
}

/// The act in its row; none for what is no act over anybody or anything.
pub(super) fn row(act: &Act, language: Language, appeal: Option<&str>) -> Option<String> {
    let say = |text: Text| language.say(text);
    let whose = act.facts.first().map(|fact| &fact.by);
    let statement = statement(&act.event.kind, whose, language)?;
    let mut what = say(statement.what).to_owned();
    if let Some(step) = statement.step {
        what += &format!(" ({})", say(step));
    }
    let yes_or_no = |yes: bool| say(if yes { YES } else { NO }).to_owned();
    let source = match statement.people {
        0 => say(OWN_EYE).to_owned(),
        people => reported(people, language),
    };
    let found = act.automated || matches!(act.event.kind, EventKind::Swept { .. });
    let until = match (statement.until, statement.lifted) {
        (Some(until), _) => time(until),
        (None, false) => say(NOT_LIMITED).to_owned(),
        (None, true) => String::new(),
    };
    let redress = match (statement.lifted, appeal) {
        (true, _) => String::new(),
        (false, None) => say(APPEAL).to_owned(),
        (false, Some(contact)) => format!("{} {} {contact}", say(APPEAL), say(CONTACT)),
    };
    let (name, id) = statement.whom.map(|whom| (whom.name.clone(), whom.id.to_string())).unwrap_or_default();
    Some(line([
        act.event.seq.0.to_string(),
        time(act.event.at),
        what,
        say(HERE).to_owned(),
        until,
        name,
        id,
        facts(act, language),
        source,
        yes_or_no(found),
        yes_or_no(act.automated && act.actor.is_none()),
        statement.ground,
        redress,
    ]))
}

fn statement<'a>(
    kind: &'a EventKind,
    whose: Option<&'a Member>,
    language: Language,
) -> Option<Statement<'a>> {
    let rules = language.say(RULES);
    let lifted = |what, whom| Statement { lifted: true, ..Statement::new(what, whom, rules) };
    Some(match kind {
        EventKind::Held { by, why, .. } => {
            let ground = format!("{rules}: {}", reason(why, language));
            Statement::new(
                ["A message is not shown until a moderator decides", "消息在管理员决定前不予显示"],
                Some(by),
                &ground,
            )
        }
        EventKind::Deleted { .. } => Statement::new(["A message was taken away", "移除消息"], whose, rules),
        EventKind::Denied { .. } => {
            Statement::new(["A held message stays away", "暂扣的消息不予显示"], whose, rules)
        }
        EventKind::Swept { why, .. } => {
            let ground = format!("{rules}: {}", reason(why, language));
            Statement::new(["Messages of a raid were taken away", "移除刷屏消息"], whose, &ground)
        }
        EventKind::TimedOut { user, until } => Statement {
            until: Some(*until),
            ..Statement::new(["The person may not write", "禁止发言"], Some(user), rules)
        },
        EventKind::Banned { user, range } => {
            let what = if *range {
                ["The person and their network may not enter the room", "禁止此人及其网络进入直播间"]
            } else {
                ["The person may not enter the room", "禁止进入直播间"]
            };
            Statement::new(what, Some(user), rules)
        }
        EventKind::Restricted { user } => Statement::new(
            ["All that the person writes waits for a moderator", "此人的所有消息须经审核"],
            Some(user),
            rules,
        ),
        EventKind::Upheld(Upheld { user, step, complaints, .. }) => Statement {
            step: Some(step_text(*step)),
            people: complaints.iter().map(|complaint| complaint.people).sum(),
            ..Statement::new(
                ["A reported message was acted upon", "处理被举报的消息"],
                Some(user),
                &grounds(complaints, language),
            )
        },
        EventKind::Shielded { until: Some(until) } => Statement {
            until: Some(*until),
            ..Statement::new(
                [
                    "The room is shielded: newcomers wait, others write slowly, links are held",
                    "开启防护：新人须等待、慢速发言、链接暂扣",
                ],
                None,
                rules,
            )
        },
        EventKind::Dismissed(Dismissed { complaints, .. }) => Statement {
            people: complaints.iter().map(|complaint| complaint.people).sum(),
            ..lifted(["Nothing: a report was found to be about nothing", "无：举报不成立"], whose)
        },
        EventKind::Restored { by, .. } => {
            lifted(["Undone: the message is shown", "撤销：消息恢复显示"], Some(by))
        }
        EventKind::Unswept { .. } => {
            lifted(["Undone: messages are shown again", "撤销：恢复被移除的消息"], None)
        }
        EventKind::Pardoned { user } => {
            lifted(["Undone: the person may enter and write", "撤销：允许进入和发言"], Some(user))
        }
        EventKind::Lifted(Lifted { user, .. }) => {
            lifted(["Undone: the step does not count", "撤销：该次处罚不再计算"], Some(user))
        }
        EventKind::Unmarked { user } => {
            lifted(["Undone: the person is like others", "撤销：恢复普通状态"], Some(user))
        }
        EventKind::Shielded { until: None } => lifted(["Undone: the shield is down", "撤销：关闭防护"], None),
        EventKind::Trusted { user } => {
            lifted(["Nothing: the person is trusted", "无：此人受信任"], Some(user))
        }
        EventKind::Appointed { user } => {
            lifted(["Nothing: the person has another role", "无：更改身份"], Some(user))
        }
        EventKind::Avatar { user, hidden: true } => {
            Statement::new(["The person's picture was taken away", "移除此人的头像"], Some(user), rules)
        }
        EventKind::Avatar { user, hidden: false } => {
            lifted(["Undone: the person's picture is shown", "撤销：恢复此人的头像"], Some(user))
        }
        EventKind::Ruled { .. } => lifted(["The rules of the room changed", "更改直播间规则"], None),
        EventKind::Pinned { by, .. } => lifted(["Nothing: a message was pinned", "无：置顶消息"], Some(by)),
        EventKind::Unpinned {} => lifted(["Nothing: no message is pinned", "无：取消置顶"], None),
        _ => return None,
    })
}

fn reported(people: u32, language: Language) -> String {
    match (language.0, people) {
        (0, 1) => "a report of 1 viewer".to_owned(),
        (0, people) => format!("reports of {people} viewers"),
        (_, people) => format!("{people} 名观众举报"),
    }
}

fn step_text(step: Step) -> Text {
    match step {
        Step::Notice => ["taken away, its author warned", "移除并警告"],
        Step::Minute => ["taken away, its author muted for 1 minute", "移除并禁言 1 分钟"],
        Step::TenMinutes => ["taken away, its author muted for 10 minutes", "移除并禁言 10 分钟"],
        Step::Hour => ["taken away, its author muted for 1 hour", "移除并禁言 1 小时"],
        Step::Ban => ["taken away, its author banned", "移除并封禁"],
    }
}

fn grounds(complaints: &[Complaint], language: Language) -> String {
    let word = |ground| {
        language.say(match ground {
            Ground::Spam => ["spam or advertising", "垃圾信息或广告"],
            Ground::Insult => ["insults or harassment", "辱骂或骚扰"],
            Ground::Hate => ["hatred", "仇恨言论"],
            Ground::Sexual => ["sexual content", "色情内容"],
            Ground::Danger => ["threats or harm", "威胁或伤害"],
            Ground::Illegal => ["illegal content", "违法内容"],
            Ground::Other => ["something else", "其他"],
        })
    };
    let basis = match complaints.first() {
        Some(Complaint { ground: Ground::Illegal, .. }) => LAW,
        _ => RULES,
    };
    let words: Vec<_> = complaints.iter().map(|complaint| word(complaint.ground)).collect();
    format!("{}: {}", language.say(basis), words.join(", "))
}

fn reason(why: &Reason, language: Language) -> String {
    match (why, language.0) {
        (Reason::Copies { people, .. }, 0) => {
            format!("nearly the same text came from {people} people within half a minute")
        }
        (Reason::Copies { people, .. }, _) => format!("半分钟内有 {people} 人发送几乎相同的内容"),
        (Reason::Link, 0) => "it has a link".to_owned(),
        (Reason::Link, _) => "包含链接".to_owned(),
        (Reason::Word { word }, 0) => format!("it has “{word}”, which is on the room's list"),
        (Reason::Word { word }, _) => format!("包含屏蔽词“{word}”"),
        (Reason::Restricted, 0) => "all that this person writes is looked at first".to_owned(),
        (Reason::Restricted, _) => "此人的消息均须审核".to_owned(),
        (Reason::LikeRemoved { percent }, 0) => {
            format!("it is like what was taken away before ({percent} %)")
        }
        (Reason::LikeRemoved { percent }, _) => format!("与之前移除的内容相似（{percent}%）"),
    }
}

/// What was said, and when.
fn facts(act: &Act, language: Language) -> String {
    let said = |Former { said_at, by, text, .. }: &Former| format!("{} {}: {text}", time(*said_at), by.name);
    let mut texts: Vec<String> = act.facts.iter().take(FACTS).map(said).collect();
    match &act.event.kind {
        EventKind::Held { by, text, .. } | EventKind::Restored { by, text, .. } => {
            texts.push(format!("{} {}: {text}", time(act.event.at), by.name));
        }
        _ => {}
    }
    let left = act.facts.len().saturating_sub(FACTS);
    if left > 0 {
        texts.push(format!("… {left} {}", language.say(MORE)));
    }
    if texts.is_empty() { language.say(NOTHING).to_owned() } else { texts.join(" | ") }
}

/// As in ISO 8601, to the second.
fn time(at: UnixMillis) -> String {
    let date = Time::from_micros(at.saturating_mul(1_000)).date();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        date.year, date.month, date.day, date.hour, date.minute, date.second
    )
}

/// One line of the table (RFC 4180).
fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| quoted(&cell)).collect();
    cells.join(",") + "\r\n"
}

/// In quotes, and never a formula: what a spreadsheet would take for the beginning of one has an apostrophe before it.
fn quoted(cell: &str) -> String {
    let begins = |c: char| {
        matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '|' | '%' | '\t' | '\r' | '\n')
    };
    let guard = if cell.trim_start().starts_with(begins) || cell.starts_with(begins) { "'" } else { "" };
    let flat: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("\"{guard}{}\"", flat.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use footlight_protocol::room::{Event, Role};
    use footlight_protocol::{MessageId, Seq};

    use super::*;

    fn member(name: &str) -> Member {
        Member::new("u1".parse().unwrap(), name.into(), Role::Guest)
    }

    fn act(kind: EventKind, actor: Option<&str>, text: Option<&str>) -> Act {
        let event = Event { seq: Seq(7), at: 1_700_000_000_000, kind };
        let fact = |text: &str| Former {
            message: MessageId(3),
            said_at: 1_700_000_000_000,
            by: member("=Ada"),
            text: text.to_owned(),
            reply: None,
        };
        let automated = actor.is_none();
        Act {
            event,
            actor: actor.map(|actor| actor.parse().unwrap()),
            automated,
            facts: text.map(fact).into_iter().collect(),
        }
    }

    #[test]
    fn no_text_of_anybody_becomes_a_formula() {
        for (cell, safe) in [
            ("=HYPERLINK(\"http://evil.example\")", "\"'=HYPERLINK(\"\"http://evil.example\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =1", "\"'  =1\""),
            ("\t=1", "\"' =1\""),
            ("＝1+1", "\"'＝1+1\""),
            ("a\r\n=1", "\"a  =1\""),
            ("a,b\"c", "\"a,b\"\"c\""),
            ("hello", "\"hello\""),
        ] {
            assert_eq!(quoted(cell), safe, "{cell:?}");
        }
    }

    #[test]
    fn a_statement_says_what_the_law_asks_for() {
        let deleted = act(EventKind::Deleted { message: MessageId(3) }, Some("owner1"), Some("=cmd"));
        let row = row(&deleted, Language::of("en"), Some("me@example.org")).unwrap();
        for part in [
            "\"7\",\"2023-11-14 22:13:20\",\"A message was taken away\"",
            "\"'=Ada\",\"u1\"",
            "2023-11-14 22:13:20 =Ada: =cmd",
            "\"no\",\"no\",\"rules of the room\"",
            "Article 21",
            "me@example.org",
        ] {
            assert!(row.contains(part), "{part} in {row}");
        }
        assert_eq!(row.matches("\",\"").count() + 1, COLUMNS.len());
    }

    #[test]
    fn what_the_room_did_itself_and_what_viewers_said_is_told() {
        let chinese = Language::of("zh-CN");
        let why = Reason::Copies { people: 12, strangers: 12 };
        let swept = act(EventKind::Swept { messages: vec![MessageId(3)], why }, None, Some("买"));
        let row_of = |act: &Act| row(act, chinese, None).unwrap();
        let swept = row_of(&swept);
        assert!(
            swept.contains("12 人") && swept.contains("\"是\",\"是\"") && swept.contains("第21条"),
            "{swept}"
        );
        let complaints = vec![
            Complaint { ground: Ground::Illegal, people: 2 },
            Complaint { ground: Ground::Spam, people: 1 },
        ];
        let (message, user) = (MessageId(3), member("Ada"));
        let upheld = EventKind::Upheld(Upheld { message, user, step: Step::Hour, complaints });
        let upheld = row_of(&act(upheld, Some("owner1"), Some("x")));
        for part in ["3 名观众举报", "禁言 1 小时", "观众认为违法: 违法内容, 垃圾信息或广告"]
        {
            assert!(upheld.contains(part), "{part} in {upheld}");
        }
        let pardoned = row_of(&act(EventKind::Pardoned { user: member("Ada") }, Some("owner1"), None));
        assert!(
            pardoned.contains("撤销") && pardoned.ends_with("\"\"\r\n"),
            "nothing is left to appeal: {pardoned}"
        );
        assert_eq!(row(&act(EventKind::Erased {}, None, None), chinese, None), None);
    }
}
