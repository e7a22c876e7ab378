"""What schemathesis has to know to get beyond the door: an agent, a visitor, and rows that exist.

Ids that the schemas bring forth are of the right form and of no row. Those of tables that the seed has rows of are replaced.
"""

import os
import re
import uuid

import requests
import schemathesis

URL = os.environ["OPENCOM_URL"]
ID = re.compile(r"[0-9a-f]{32}")


def call(kind, path, args, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.post(f"{URL}/api/{kind}", json={"path": path, "args": args}, headers=headers, timeout=30)
    answer.raise_for_status()
    outcome = answer.json()
    if outcome["status"] != "success":
        raise RuntimeError(f"{path}: {outcome}")
    return outcome["value"]


class Seed:
    """An agent with a workspace, a visitor with a conversation, and one row of what else there is."""

    def __init__(self):
        params = {
            "flow": "signUp",
            "email": f"agent-{uuid.uuid4()}@example.com",
            "password": "correct horse",
            "name": "Ada",
        }
        self.token = call("action", "auth:signIn", {"provider": "password", "params": params})["tokens"]["token"]
        user = call("query", "auth:currentUser", {}, self.token)["user"]
        workspace = {"workspaceId": user["workspaceId"]}
        booted = call("mutation", "widgetSessions:boot", {**workspace, "sessionId": str(uuid.uuid4())})
        self.session = booted["sessionToken"]
        conversation = call("mutation", "conversations:createForVisitor", {**workspace, "sessionToken": self.session})
        said = {
            "conversationId": conversation["_id"],
            "senderType": "visitor",
            "senderId": "me",
            "content": "Do you ship to Norway?",
            "sessionToken": self.session,
        }
        rows = [
            user["_id"],
            user["workspaceId"],
            booted["visitor"]["_id"],
            conversation["_id"],
            call("mutation", "messages:send", said),
            call("mutation", "tags:create", {**workspace, "name": "shipping"}, self.token),
            call("mutation", "snippets:create", {**workspace, "name": "hello", "content": "Hello!"}, self.token),
            call("mutation", "tickets:create", {**workspace, "subject": "Shipping"}, self.token),
            call("mutation", "collections:create", {**workspace, "name": "Orders"}, self.token),
            call("mutation", "articles:create", {**workspace, "title": "Shipping", "content": "Yes."}, self.token),
        ]
        # The last two digits of an id are its table's.
        self.rows = {row[-2:]: row for row in rows}

    def fill_in(self, value, name=""):
        """The value with rows that exist, and with the visitor's token."""
        if isinstance(value, dict):
            return {key: self.fill_in(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [self.fill_in(part, name) for part in value]
        if isinstance(value, str) and name == "sessionToken":
            return self.session
        if isinstance(value, str) and ID.fullmatch(value):
            return self.rows.get(value[-2:], value)
        return value


seed = Seed()


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict):
        case.body = seed.fill_in(case.body)
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {seed.token}"}
