-- What `flask --app app move-to-supabase` needs. Each call may be repeated: what is there stays.

create function charla.check_is_imported(p_table text) returns void
language plpgsql immutable set search_path = '' as $$
begin
  if p_table <> all (array['tenants', 'users', 'logins', 'refresh_tokens', 'sessions', 'messages',
    'runs', 'ledger', 'idempotency_keys'])
  then
    raise invalid_parameter_value using message = 'nothing is imported into this table';
  end if;
end;
$$;
revoke all on function charla.check_is_imported from public, anon, authenticated;
grant execute on function charla.check_is_imported to service_role;

-- Inserts rows in their order, so that `seq` counts them as they were made; gives how many are new.
create function public.import_rows(p_table text, p_rows json) returns json
language plpgsql set search_path = '' as $$
declare
  columns text;
  added integer;
begin
  perform charla.check_is_imported(p_table);
  select string_agg(quote_ident(attname), ', ' order by attnum) into columns
  from pg_attribute
  where attrelid = format('public.%I', p_table)::regclass
    and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = '';
  execute format(
    'insert into public.%1$I (%2$s)
     select %2$s from json_populate_recordset(null::public.%1$I, $1)
     on conflict do nothing',
    p_table, columns
  ) using p_rows;
  get diagnostics added = row_count;
  return to_json(added);
end;
$$;
revoke all on function public.import_rows from public, anon, authenticated;
grant execute on function public.import_rows to service_role;

-- Of the rows with these keys, for each owner: how many there are, and a digest of what the columns
-- hold. A row is its columns without nulls; rows are taken in the order of their bytes.
create function public.import_digests(
  p_table text, p_owner text, p_key text[], p_columns text[], p_rows json
) returns json
language plpgsql stable set search_path = '' as $$
declare
  using_key text;
  line text;
  digests json;
begin
  perform charla.check_is_imported(p_table);
  select string_agg(quote_ident(name), ', ') into using_key from unnest(p_key) as name;
  select string_agg(format('t.%I', name), ', ') into line from unnest(p_columns) as name;
  execute format(
    'select json_object_agg(owner, json_build_array(rows, digest)) from (
       select owner, count(*) as rows,
         md5(string_agg(line, chr(30) order by line collate "C")) as digest
       from (
         select t.%2$I as owner, concat_ws(chr(31), %4$s) as line
         from public.%1$I as t
         join json_populate_recordset(null::public.%1$I, $1) as k using (%3$s)
       ) as lines group by owner
     ) as owners',
    p_table, p_owner, using_key, line
  ) into digests using p_rows;
  return coalesce(digests, '{}');
end;
$$;
revoke all on function public.import_digests from public, anon, authenticated;
grant execute on function public.import_digests to service_role;

-- The addresses that are there under another id, and the ids that are there with another address.
-- Two releases may have folded the same address differently: it is compared as it was written too.
create function public.import_collisions(p_rows json) returns json
language sql stable set search_path = '' as $$
  with given as (
    select id, email, email_folded from json_populate_recordset(null::public.users, p_rows)
  ), colliding as (
    select g.email from given as g join public.users as u on u.email_folded = g.email_folded
    where u.id <> g.id
    union
    select g.email from given as g join public.users as u on lower(u.email) = lower(g.email)
    where u.id <> g.id
    union
    select g.email from given as g join public.users as u on u.id = g.id
    where u.email_folded <> g.email_folded and lower(u.email) <> lower(g.email)
  )
  select coalesce(json_agg(email order by email), '[]') from colliding
$$;
revoke all on function public.import_collisions from public, anon, authenticated;
grant execute on function public.import_collisions to service_role;
