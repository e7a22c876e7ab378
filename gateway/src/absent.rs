//! Queries of contexts that do not exist yet. The published widget has no error boundary: one subscribed query that
//! fails takes the whole page down. Until a context answers them itself, they answer what a workspace that never used
//! its feature would see.

/// Path and answer, as JSON. A path that is registered leaves this list; a test says so.
pub const ANSWERS: &[(&str, &str)] = &[
    ("aiAgent:getConversationResponses", "[]"),
    ("checklists:getEligible", "[]"),
    ("commonIssueButtons:list", "[]"),
    (
        "messengerSettings:getPublicSettings",
        r##"{"primaryColor":"#792cd4","backgroundColor":"#792cd4","themeMode":"system","launcherPosition":"right","launcherSideSpacing":20.0,"launcherBottomSpacing":20.0,"showLauncher":true,"welcomeMessage":"Hi there! How can we help you today?","teamIntroduction":null,"showTeammateAvatars":true,"supportedLanguages":["en"],"defaultLanguage":"en","mobileEnabled":true,"logo":null,"launcherIconUrl":null,"privacyPolicyUrl":null,"launcherAudienceRules":null}"##,
    ),
    ("officeHours:getExpectedReplyTime", "null"),
    (
        "officeHours:isCurrentlyOpen",
        r#"{"isOpen":true,"offlineMessage":null,"expectedReplyTimeMinutes":null}"#,
    ),
    ("outboundMessages:getEligible", "[]"),
    ("surveys:getActiveSurveys", "[]"),
    ("ticketForms:getDefaultForVisitor", "null"),
    ("tickets:listByVisitor", "[]"),
    ("tooltips:getAvailableTooltips", "[]"),
    ("tourProgress:getAvailableTours", "[]"),
    ("tours:listAll", "[]"),
];
