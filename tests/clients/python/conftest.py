"""Who acts in the tests, each through the official Python client."""

import os
import uuid
from dataclasses import dataclass

import pytest
from convex.http_client import ConvexHttpClient

from convex import ConvexClient

URL = os.environ["OPENCOM_URL"]


@dataclass
class Chat:
    """A new workspace with its agent, and a visitor who has a conversation with it."""

    email: str
    password: str
    token: str
    workspace_id: str
    session_token: str
    conversation_id: str

    @property
    def thread(self) -> dict:
        """The arguments by which the visitor reads the thread."""
        return {"conversationId": self.conversation_id, "sessionToken": self.session_token}

    def says(self, content: str) -> dict:
        """The arguments of a message that the visitor sends."""
        return {**self.thread, "senderId": "me", "senderType": "visitor", "content": content}

    def answers(self, content: str) -> dict:
        """The arguments of a message that the agent sends."""
        return {"conversationId": self.conversation_id, "senderId": "me", "senderType": "agent", "content": content}

    def agent(self) -> ConvexHttpClient:
        """The agent, over HTTP."""
        client = ConvexHttpClient(URL)
        client.set_auth(self.token)
        return client


@pytest.fixture
def http() -> ConvexHttpClient:
    """Nobody, over HTTP."""
    return ConvexHttpClient(URL)


@pytest.fixture
def live() -> ConvexClient:
    """Nobody, over the socket."""
    return ConvexClient(URL)


@pytest.fixture
def chat(http: ConvexHttpClient) -> Chat:
    email, password = f"agent-{uuid.uuid4()}@example.com", "correct horse"
    params = {"flow": "signUp", "email": email, "password": password, "name": "Ada"}
    token = http.action("auth:signIn", {"provider": "password", "params": params})["tokens"]["token"]
    agent = ConvexHttpClient(URL)
    agent.set_auth(token)
    workspace = agent.query("auth:currentUser")["user"]["workspaceId"]
    session = http.mutation("widgetSessions:boot", {"workspaceId": workspace, "sessionId": str(uuid.uuid4())})
    session_token = session["sessionToken"]
    opened = http.mutation(
        "conversations:createForVisitor", {"workspaceId": workspace, "sessionToken": session_token}
    )
    return Chat(email, password, token, workspace, session_token, opened["_id"])


def texts(messages: list) -> list:
    """The texts of a thread, without the greeting that every conversation begins with."""
    return [message["content"] for message in messages if message["senderType"] != "bot"]


def numbers(value: object) -> list:
    """Every number in a result."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []
