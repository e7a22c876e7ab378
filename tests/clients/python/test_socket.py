"""PyPI `convex`, ConvexClient: the socket. It embeds the Rust client, so this is that client's behaviour too."""

import pytest
from conftest import URL, Chat, numbers, texts

from convex import ConvexClient, ConvexError

# A subscription's `next` waits for the next result; pytest's time limit is the deadline.


def test_queries_mutations_and_actions(live: ConvexClient, chat: Chat) -> None:
    live.mutation("messages:send", chat.says("Hello?"))
    assert texts(live.query("messages:list", chat.thread)) == ["Hello?"]
    params = {"flow": "signIn", "email": chat.email, "password": chat.password}
    tokens = live.action("auth:signIn", {"provider": "password", "params": params})["tokens"]
    assert tokens["token"] and tokens["refreshToken"]


def test_a_subscription_sees_what_another_client_does(live: ConvexClient, chat: Chat) -> None:
    seen = live.subscribe("messages:list", chat.thread)
    assert texts(next(seen)) == []
    chat.agent().mutation("messages:send", chat.answers("Hi!"))
    assert texts(next(seen)) == ["Hi!"]
    live.mutation("messages:send", chat.says("Hello!"))
    assert texts(next(seen)) == ["Hi!", "Hello!"]


def test_two_live_clients(live: ConvexClient, chat: Chat) -> None:
    agent = ConvexClient(URL)
    agent.set_auth(chat.token)
    inbox = agent.subscribe("conversations:listForInbox", {"workspaceId": chat.workspace_id})
    row = next(page["conversations"][0] for page in inbox if page["conversations"])
    assert "unreadByAgent" not in row
    live.mutation("messages:send", chat.says("Hello?"))
    row = next(inbox)["conversations"][0]
    assert (row["lastMessage"]["content"], row["unreadByAgent"]) == ("Hello?", 1.0)
    assert all(type(number) is float for number in numbers(row))


def test_unsubscribing_ends_a_subscription(live: ConvexClient, chat: Chat) -> None:
    gone, kept = (live.subscribe("messages:list", chat.thread) for _ in range(2))
    next(gone), next(kept)
    gone.unsubscribe()
    chat.agent().mutation("messages:send", chat.answers("Hi!"))
    assert texts(next(kept)) == ["Hi!"]
    with pytest.raises(Exception, match="dropped"):
        next(gone)


def test_refusals_are_convex_errors_with_data(live: ConvexClient, chat: Chat) -> None:
    with pytest.raises(ConvexError) as query:
        live.query("messages:list", {**chat.thread, "before": "x"})
    assert query.value.data["code"] == "INVALID_INPUT"
    with pytest.raises(ConvexError) as subscription:
        next(live.subscribe("messages:list", {**chat.thread, "before": "y"}))
    assert subscription.value.data["field"] == "before"
    with pytest.raises(ConvexError) as mutation:
        live.mutation("messages:send", {**chat.says("x"), "sessionToken": "wst_wrong"})
    assert mutation.value.data["code"] == "NOT_AUTHENTICATED"
    params = {"flow": "signIn", "email": chat.email, "password": "wrong horse"}
    with pytest.raises(ConvexError) as action:
        live.action("auth:signIn", {"provider": "password", "params": params})
    assert action.value.data["code"] == "NOT_AUTHENTICATED"
    # The client is as good as before.
    assert texts(live.query("messages:list", chat.thread)) == []


def test_an_unknown_function_fails_alone(live: ConvexClient, chat: Chat) -> None:
    for call in (live.query, live.mutation, live.action):
        with pytest.raises(Exception, match="Could not find public function"):
            call("nothing:here")
    assert texts(live.query("messages:list", chat.thread)) == []


def test_a_live_client_signs_in_and_out(live: ConvexClient, chat: Chat) -> None:
    me = live.subscribe("auth:currentUser")
    assert next(me) is None
    live.set_auth(chat.token)
    assert next(me)["user"]["email"] == chat.email
    live.clear_auth()
    assert next(me) is None
