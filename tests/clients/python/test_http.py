"""PyPI `convex`, ConvexHttpClient."""

import pytest
from conftest import Chat, numbers, texts
from convex.http_client import ConvexHttpClient

from convex import ConvexError


def test_a_visitor_and_an_agent_chat(http: ConvexHttpClient, chat: Chat) -> None:
    http.mutation("messages:send", chat.says("Hello?"))
    chat.agent().mutation("messages:send", chat.answers("Hi!"))
    assert texts(http.query("messages:list", chat.thread)) == ["Hello?", "Hi!"]


def test_every_number_is_a_float(http: ConvexHttpClient, chat: Chat) -> None:
    http.mutation("messages:send", chat.says("Hello?"))
    inbox = chat.agent().query("conversations:listForInbox", {"workspaceId": chat.workspace_id})
    assert inbox["conversations"][0]["unreadByAgent"] == 1.0
    found = numbers(inbox)
    assert found and all(type(number) is float for number in found)


def test_a_refusal_is_a_convex_error_with_data(http: ConvexHttpClient, chat: Chat) -> None:
    with pytest.raises(ConvexError) as refused:
        http.mutation("messages:send", {**chat.says("x"), "sessionToken": "wst_wrong"})
    assert refused.value.data["code"] == "NOT_AUTHENTICATED"
    assert refused.value.data["message"]


def test_an_actions_refusal_is_a_convex_error_with_data(http: ConvexHttpClient, chat: Chat) -> None:
    params = {"flow": "signIn", "email": chat.email, "password": "wrong horse"}
    with pytest.raises(ConvexError) as refused:
        http.action("auth:signIn", {"provider": "password", "params": params})
    assert refused.value.data["code"] == "NOT_AUTHENTICATED"


def test_a_token_that_was_made_up_is_refused(http: ConvexHttpClient) -> None:
    http.set_auth("a.b.c")
    with pytest.raises(Exception, match="Unauthenticated"):
        http.query("auth:currentUser")
    http.clear_auth()
    assert http.query("auth:currentUser") is None
