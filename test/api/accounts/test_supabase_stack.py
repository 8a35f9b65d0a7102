"""Users of Supabase Auth in the project's own database, counted in Redis."""

from api.accounts import Account, MakeApp, sign_up
from api.calls import ApiUser, refused
from stack.columns import EMBEDDED, only_on
from stack.redis_server import RedisServer
from stack.supabase_stack import SupabaseStack

pytestmark = only_on(EMBEDDED, "each of these sets what it is about")

USER_ID = "7c3f7f0e-3c0b-4d53-9a65-0d4a4e0f2b11"
OTHER_ID = "0a3de1f7-8f0e-4c0c-8a5e-0a7c1b9c1e55"


def test_a_user_of_the_project_chats_at_any_worker_within_one_limit(
    supabase: SupabaseStack, redis_server: RedisServer, make_app: MakeApp
) -> None:
    scaled = {**supabase.settings(), "REDIS_URL": redis_server.url, "RATE_LIMIT_AI": "2 per hour"}
    first, second = make_app(**scaled).test_client(), make_app(**scaled).test_client()
    account = Account("", {"access_token": supabase.user_token(USER_ID)})
    ann, elsewhere = ApiUser(first, account), ApiUser(second, account)

    session = ann.new_session()
    ann.ask(session)
    elsewhere.ask(session)

    assert len(elsewhere.messages(session)) == 4
    for worker in (ann, elsewhere):
        refusal = worker.post(f"/sessions/{session}/stream", {"content": "Hi"})
        refused(refusal, 429, "rate_limited")
    assert supabase.sql("select distinct user_id from sessions") == [{"user_id": USER_ID}]


def test_users_of_the_project_and_local_accounts_see_nothing_of_each_other(
    supabase: SupabaseStack, make_app: MakeApp
) -> None:
    client = make_app(**supabase.settings()).test_client()
    tokens = [supabase.user_token(one, email="ann@example.org") for one in (USER_ID, OTHER_ID)]
    accounts = [Account("", {"access_token": token}) for token in tokens]
    users = [ApiUser(client, one) for one in (*accounts, sign_up(client, "ann@example.org"))]

    sessions = [user.new_session() for user in users]

    for user, own in zip(users, sessions, strict=True):
        assert [one["id"] for one in user.json("/sessions")["items"]] == [own]
        for foreign in set(sessions) - {own}:
            refused(user.get(f"/sessions/{foreign}"), 404, "not_found")


def test_the_keys_of_the_project_are_nobody(supabase: SupabaseStack, make_app: MakeApp) -> None:
    client = make_app(**supabase.settings()).test_client()

    for key in (supabase.anon_key, supabase.service_key, supabase.user_token(USER_ID, role="anon")):
        user = ApiUser(client, Account("", {"access_token": key}))
        refused(user.get("/api/auth/me"), 401, "unauthorized")
        refused(user.get("/sessions"), 401, "unauthorized")
