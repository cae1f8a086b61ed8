use super::{escape, html, svg};
use crate::bench::{
    entrant::INTERPRETER,
    report::{
        EngineInfo, Report,
        tests::{report, row},
    },
};

/// Elements of HTML that have no end tag.
const VOID: [&str; 3] = ["meta", "br", "!DOCTYPE"];

/// Checks that every element ends, in the right order.
fn check_tags(document: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = document;
    while let Some((_, behind)) = rest.split_once('<') {
        let (tag, after) = behind.split_once('>').expect("a tag ends");
        rest = after;
        let name = tag.split([' ', '/', '\n']).next().unwrap_or("");
        match tag.strip_prefix('/') {
            Some(ended) => assert_eq!(open.pop(), Some(ended), "before: {:.60}", after),
            None if tag.ends_with('/') || VOID.contains(&name) => {}
            None => open.push(name),
        }
        // Scripts and styles are not made of tags.
        if name == "script" || name == "style" {
            rest = &rest[rest.find("</").expect("it ends")..];
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

/// Checks that nothing is loaded from anywhere.
fn check_self_contained(document: &str) {
    let without_names = document.replace("http://www.w3.org/2000/svg", "");
    for loader in
        ["http:", "https:", "//", "src=", "href", "url(", "@import", "<link", "<img", "<iframe", "fetch("]
    {
        let in_comments = loader == "//";
        let lines =
            without_names.lines().filter(|line| !(in_comments && line.trim_start().starts_with("//")));
        for line in lines {
            assert!(!line.contains(loader), "{loader} in {line}");
        }
    }
}

fn sample() -> Report {
    report(vec![
        row("a/fast", true, 3e6, Some(12.5)),
        row("a/slow", true, 2e3, Some(0.4)),
        row("a/wrong", false, 5e7, None),
    ])
}

#[test]
fn the_page_is_whole_and_loads_nothing() {
    let page = html(&sample());
    check_tags(&page);
    check_self_contained(&page);
    assert!(page.contains("default-src 'none'"));
    for said in ["a/fast", "12.5×", "0.40×", "geometric mean", "differs &lt;from&gt; it", "revmc"] {
        assert!(page.contains(said), "{said}");
    }
    // The slower one is on the first plot only, the one without figures on none.
    assert_eq!(page.matches("class=\"point\"").count(), 3);
    assert!(page.contains("1 point is not on the second plot"));
}

#[test]
fn the_picture_is_whole_and_loads_nothing() {
    let picture = svg(&sample());
    check_tags(&picture);
    check_self_contained(&picture);
    assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
}

#[test]
fn reports_without_much_in_them_are_drawn() {
    let nothing = report(vec![row("only", false, 1e6, None)]);
    let alone = Report::new(vec![], vec![EngineInfo::new(INTERPRETER, "alone")], Default::default());
    for report in [&nothing, &alone] {
        check_tags(&html(report));
        check_tags(&svg(report));
        assert!(!html(report).contains("NaN") && !html(report).contains("inf"));
    }
}

#[test]
fn names_from_outside_stay_text() {
    let mut wicked = report(vec![row("<script>alert(1)</script>", true, 1e6, Some(2.0))]);
    wicked.engines[1].what = "\"><img src=x>".to_owned();
    let page = html(&wicked);
    check_tags(&page);
    assert!(!page.contains("<script>alert") && !page.contains("<img"));
    assert_eq!(escape("<a href=\"'&"), "&lt;a href=&quot;&#39;&amp;");
}
