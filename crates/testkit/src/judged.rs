//! How good search is, on a small help center and queries with judged answers: nDCG over the first ten, which is 1 when the
//! best answers come first. Tests hold search to it, the benchmark prints it.

/// Title and content of the help center's articles.
pub const ARTICLES: &[(&str, &str)] = &[
    (
        "Reset your password",
        "Forgot it? Choose 'Forgot password' on the sign-in page. A link to set a new one is mailed to you.",
    ),
    (
        "Change your e-mail address",
        "Open your profile, choose Edit next to the address, and confirm the new one by the mail we send.",
    ),
    (
        "Two-factor authentication",
        "Protect your account by a second step at login: an app on your phone shows a code.",
    ),
    (
        "Invite teammates",
        "Owners and admins invite colleagues by e-mail. Each invitation is good for a week.",
    ),
    (
        "Roles and permissions",
        "Owners, admins, agents and viewers may do different things. Change a member's role in the team settings.",
    ),
    (
        "Remove a team member",
        "Deleting somebody from the team ends their sessions. Their conversations stay.",
    ),
    (
        "Understand your invoice",
        "Each invoice lists seats, usage and taxes. Download it as PDF under Billing.",
    ),
    (
        "Update your credit card",
        "Replace the card under Billing, Payment method. Failed payments are tried again.",
    ),
    (
        "Cancel your subscription",
        "You may cancel the plan at any time; it runs until the end of the paid month.",
    ),
    (
        "Get a refund",
        "Write to us within 14 days of a payment to get your money back.",
    ),
    (
        "Install the messenger on your website",
        "Copy the snippet of JavaScript before the closing body tag of each page.",
    ),
    (
        "Install the iOS SDK",
        "Add the package in Xcode and call initialize when the app starts.",
    ),
    (
        "Change the messenger's colors",
        "Pick a primary color and a background in the messenger's appearance settings.",
    ),
    (
        "Set your office hours",
        "Visitors see when you are back. Set opening times and the time zone of your team.",
    ),
    (
        "Assign conversations",
        "Give a conversation to a teammate by hand, or let rules assign it.",
    ),
    (
        "Snooze and close conversations",
        "A snoozed conversation leaves the inbox until you reopen it.",
    ),
    (
        "Write saved replies",
        "Snippets are answers that you write once and insert by a shortcut.",
    ),
    (
        "Send a survey",
        "Ask visitors how likely they are to recommend you, and see the score in reports.",
    ),
    (
        "Build a product tour",
        "Guide new users through your product step by step, with pointers on the page.",
    ),
    (
        "Export your data",
        "Owners download conversations, visitors and articles as CSV or JSON files.",
    ),
    (
        "Connect webhooks",
        "We call your server when a conversation opens, changes or closes. Verify the signature.",
    ),
    (
        "Use the REST API",
        "Create a token under Integrations, and send it with each request. Rate limits apply.",
    ),
    (
        "Import articles from Markdown",
        "Upload a folder of Markdown files; folders become collections.",
    ),
    (
        "Turn on push notifications",
        "Allow notifications in the browser or the mobile app to hear of new messages.",
    ),
];

/// A query, and which articles answer it: 2 for what is asked for, 1 for what helps.
pub const QUERIES: &[(&str, &[(usize, u32)])] = &[
    ("reset password", &[(0, 2)]),
    ("password", &[(0, 2)]),
    ("forgot my password", &[(0, 2)]),
    ("pasword reset", &[(0, 2)]),
    ("resetting passwords", &[(0, 2)]),
    ("change email", &[(1, 2)]),
    ("how do I change my email address", &[(1, 2)]),
    ("2 factor login code", &[(2, 2)]),
    ("autentication", &[(2, 2)]),
    ("invite teammates", &[(3, 2)]),
    ("inviting a colleague", &[(3, 2)]),
    ("team member permissions", &[(4, 2), (5, 1)]),
    ("delete member", &[(5, 2)]),
    ("download invoices", &[(6, 2)]),
    ("invioce", &[(6, 2)]),
    ("credit crad", &[(7, 2)]),
    ("payment method", &[(7, 2)]),
    ("cancelling a subscription", &[(8, 2)]),
    ("get money back", &[(9, 2)]),
    ("refunds", &[(9, 2)]),
    ("install messenger", &[(10, 2), (11, 1)]),
    ("website javascript snippet", &[(10, 2)]),
    ("ios", &[(11, 2)]),
    ("messenger colours appearance", &[(12, 2)]),
    ("opening hours", &[(13, 2)]),
    ("office hour", &[(13, 2)]),
    ("assigning conversation to teammate", &[(14, 2)]),
    ("snooze", &[(15, 2)]),
    ("saved reply shortcuts", &[(16, 2)]),
    ("surveys", &[(17, 2)]),
    ("guide users step by step tour", &[(18, 2)]),
    ("export csv", &[(19, 2)]),
    ("webhok signature", &[(20, 2)]),
    ("api token", &[(21, 2)]),
    ("markdown import", &[(22, 2)]),
    ("notifications mobile app", &[(23, 2)]),
    ("push notif", &[(23, 2)]),
];

/// nDCG over the first ten of these titles.
pub fn ndcg(found: &[String], judged: &[(usize, u32)]) -> f64 {
    let grade = |title: &String| {
        let judged = judged.iter().find(|(article, _)| ARTICLES[*article].0 == title);
        judged.map_or(0, |(_, grade)| *grade)
    };
    let mut grades: Vec<u32> = judged.iter().map(|(_, grade)| *grade).collect();
    grades.sort_unstable_by(|a, b| b.cmp(a));
    gain(found.iter().map(grade)) / gain(grades.into_iter())
}

/// What answers with these grades are worth, in this order.
fn gain(grades: impl Iterator<Item = u32>) -> f64 {
    let places = (2_u32..).map(|place| f64::from(place).log2());
    let gained = grades.take(10).zip(places);
    gained
        .map(|(grade, discount)| f64::from(2_u32.pow(grade) - 1) / discount)
        .sum()
}

/// The titles that looking for the very text finds, the last article first: what search must not be worse than.
pub fn containing(query: &str) -> Vec<String> {
    let query = query.to_lowercase();
    let contains = |(title, content): &&(&str, &str)| {
        title.to_lowercase().contains(&query) || content.to_lowercase().contains(&query)
    };
    let found = ARTICLES.iter().rev().filter(contains);
    found.map(|(title, _)| (*title).to_owned()).collect()
}

/// The mean of what the queries reached.
pub fn mean(reached: &[f64]) -> f64 {
    let count = u32::try_from(reached.len()).unwrap_or(u32::MAX);
    reached.iter().sum::<f64>() / f64::from(count)
}
