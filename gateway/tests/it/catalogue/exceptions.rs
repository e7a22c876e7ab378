//! Where the contract says something else than the access rule of a function. The list may only get shorter: an
//! exception that says what the rule says fails the test.

use opencom_core::Code;

use crate::catalogue::principal::Principal::{self, *};

/// What somebody gets instead.
#[derive(Clone, Debug)]
pub(crate) enum Instead {
    Served,
    Refused(Code, &'static str),
    /// This value, as JSON.
    Gets(&'static str),
}

/// On which servers an exception holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Servers {
    All,
    /// Those that serve today's apps without a token.
    Lenient,
}

/// What the contract says of a function for somebody.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    pub(crate) path: &'static str,
    pub(crate) who: &'static [Principal],
    pub(crate) instead: Instead,
    servers: Servers,
}

impl Exception {
    pub(crate) fn holds(&self, strict: bool) -> bool {
        self.servers == Servers::All || !strict
    }
}

/// Whoever is not taken for an agent and shows no visitor's token.
const STRANGERS: &[Principal] = &[Nobody, SignedOut, Expired, Incomplete];
/// Whoever shows no visitor's token.
const TOKENLESS: &[Principal] = &[
    Nobody, SignedOut, Expired, Incomplete, Outsider, Viewer, Agent, Admin, Owner, Lacking, Only, NoToken,
];

/// Whoever is not taken for an agent.
const NO_AGENTS: &[Principal] = &[
    Nobody,
    SignedOut,
    Expired,
    Incomplete,
    NoToken,
    UnknownToken,
    Visitor,
    OtherVisitor,
    ExpiredVisitor,
    ForeignVisitor,
];

pub(crate) fn exceptions() -> impl Iterator<Item = Exception> {
    use Instead::{Gets, Refused, Served};
    use Servers::{All, Lenient};
    let exceptions = [
        // A function for whoever is signed in, about one workspace; with a text of its own.
        (
            "auth:switchWorkspace",
            &[Outsider][..],
            Refused(Code::NotWorkspaceMember, "You are not a member of this workspace"),
            All,
        ),
        // There is no workspace to rename.
        (
            "auth:completeSignupProfile",
            &[Incomplete],
            Refused(Code::NotFound, "User not found"),
            All,
        ),
        // The token is what the call is about, so a bad one is a bad argument rather than a missing right.
        (
            "widgetSessions:refresh",
            &[NoToken, UnknownToken],
            Refused(Code::NotAuthenticated, "Invalid session token"),
            All,
        ),
        (
            "widgetSessions:refresh",
            &[ExpiredVisitor],
            Refused(Code::SessionExpired, "Session expired: please re-boot"),
            All,
        ),
        // The widget asks before it has booted.
        ("conversations:getTotalUnreadForVisitor", TOKENLESS, Gets("0.0"), All),
        ("conversations:listByVisitor", TOKENLESS, Gets("[]"), All),
        // Without a token nobody is the owner, and the function says just that.
        (
            "messages:send",
            &[NoToken],
            Refused(
                Code::NotAuthorized,
                "Not authorized to send messages to this conversation",
            ),
            All,
        ),
        // Whoever is no agent is asked for a token; of a location agents are told without the permission's name.
        (
            "visitors:updateLocation",
            STRANGERS,
            Refused(Code::NotAuthenticated, "Session token required"),
            All,
        ),
        (
            "identityVerification:getVisitorStatus",
            STRANGERS,
            Refused(Code::NotAuthenticated, "Session token required"),
            All,
        ),
        (
            "visitors:updateLocation",
            &[Outsider, Lacking],
            Refused(Code::PermissionDenied, "Permission denied"),
            All,
        ),
        // The error helper's own text.
        (
            "supportAttachments:generateUploadUrl",
            &[Nobody, SignedOut, Expired, Incomplete, NoToken],
            Refused(Code::NotAuthenticated, "Authentication required"),
            All,
        ),
        (
            "supportAttachments:finalizeUpload",
            &[Nobody, SignedOut, Expired, Incomplete, NoToken],
            Refused(Code::NotAuthenticated, "Authentication required"),
            All,
        ),
        // A word of their own for whoever is not signed in.
        (
            "auditLogs:updateSettings",
            NO_AGENTS,
            Refused(Code::NotAuthenticated, "Unauthorized"),
            All,
        ),
        (
            "auditLogs:exportLogs",
            NO_AGENTS,
            Refused(Code::NotAuthenticated, "Unauthorized"),
            All,
        ),
        (
            "auditLogs:logExport",
            NO_AGENTS,
            Refused(Code::NotAuthenticated, "Unauthorized"),
            All,
        ),
        // For owners by their role; no permission stands for it.
        (
            "workspaceMembers:transferOwnership",
            &[Outsider, Viewer, Agent, Admin],
            Refused(Code::NotAuthorized, "Only the workspace owner can transfer ownership"),
            All,
        ),
        // Writing an article has a text of its own.
        (
            "articles:create",
            NO_AGENTS,
            Refused(Code::NotAuthenticated, "Authentication required"),
            All,
        ),
        (
            "articles:update",
            NO_AGENTS,
            Refused(Code::NotAuthenticated, "Authentication required"),
            All,
        ),
        (
            "articles:remove",
            NO_AGENTS,
            Refused(Code::NotAuthenticated, "Authentication required"),
            All,
        ),
        // Whoever is no agent is asked for a token.
        (
            "tickets:get",
            STRANGERS,
            Refused(Code::NotAuthenticated, "Session token required"),
            All,
        ),
        (
            "tickets:create",
            STRANGERS,
            Refused(Code::NotAuthenticated, "Session token required"),
            All,
        ),
        (
            "articles:listForVisitor",
            STRANGERS,
            Refused(Code::NotAuthenticated, "Session token required"),
            All,
        ),
        (
            "articles:searchForVisitor",
            STRANGERS,
            Refused(Code::NotAuthenticated, "Session token required"),
            All,
        ),
        (
            "articles:getForVisitor",
            STRANGERS,
            Refused(Code::NotAuthenticated, "Session token required"),
            All,
        ),
        (
            "collections:listHierarchyForVisitor",
            STRANGERS,
            Refused(Code::NotAuthenticated, "Session token required"),
            All,
        ),
        // Today's apps name the visitor and show no token (decision 4 of the contract).
        ("conversations:get", &[NoToken], Served, Lenient),
        ("visitors:identify", TOKENLESS, Served, Lenient),
        ("visitors:heartbeat", TOKENLESS, Served, Lenient),
    ];
    exceptions.into_iter().map(|(path, who, instead, servers)| Exception {
        path,
        who,
        instead,
        servers,
    })
}
