-- A change of the password ends all that stood on the old one at once: a server that lost its database
-- in between left a thief logged in, and a link for a new password good. A server of the release before
-- this one goes on working.

-- `set_password` by another password: in the same transaction all other logins of the account end,
-- and so do the links that would choose its password.
create function public.change_password(
  p_id uuid, p_new_hash text, p_only_if text, p_but uuid default null
) returns json
language plpgsql set search_path = '' as $$
begin
  update public.users set password_hash = p_new_hash
  where id = p_id and password_hash = p_only_if;
  if not found then
    return to_json(false);
  end if;
  perform public.revoke_logins(p_user => p_id, p_but => p_but);
  delete from public.account_links where purpose = 'reset' and subject = p_id::text;
  return to_json(true);
end;
$$;
revoke all on function public.change_password from public, anon, authenticated;
grant execute on function public.change_password to service_role;

-- Every function that the server and its commands call.
create or replace function charla.remote_calls() returns text[]
language sql immutable set search_path = '' as $$
  select array['own_tenant', 'add_user', 'find_user', 'set_password', 'set_compared_email',
    'open_login', 'rotate_token', 'login_network_is_known',
    'revoke_logins', 'login_is_live', 'purge_tokens', 'purge_logins', 'find_key', 'create_session',
    'get_session', 'change_session', 'list_sessions', 'search_sessions', 'list_messages', 'begin_turn', 'settle_turn',
    'get_run', 'latest_run', 'run_text', 'run_progress', 'request_stop', 'run_states', 'beat',
    'claim_dead', 'forget_workers', 'delete_hidden', 'delete_session', 'hidden_sessions',
    'purge_keys', 'purge_checkpoints', 'charla_ping', 'charla_status',
    'import_rows', 'import_digests', 'import_collisions', 'set_role', 'add_link', 'find_link',
    'redeem_invitation', 'redeem_reset', 'purge_links', 'change_password']
$$;

insert into charla.migrations (version) values ('20261130140000');
