-- The words that titles and messages are searched for. Texts and queries are cut into words by the
-- same function: at everything that is no letter or digit, without case and accents.

create function charla.fold(text) returns text
language plpgsql immutable strict parallel safe set search_path = '' as $$
begin
  return regexp_replace(
    normalize(replace(lower($1), 'ß', 'ss'), nfkd),
    '[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]', '', 'g'
  );
end;
$$;
revoke all on function charla.fold from public, anon, authenticated;
grant execute on function charla.fold to service_role;

-- A longer word is found by its first 100 characters.
create function charla.words(text) returns text[]
language plpgsql immutable strict parallel safe set search_path = '' as $$
begin
  return array(
    select distinct left(word, 100)
    from regexp_split_to_table(charla.fold($1), '[^[:alnum:]]+') as word where word <> ''
  );
end;
$$;
revoke all on function charla.words from public, anon, authenticated;
grant execute on function charla.words to service_role;

-- Each word carries a part of its owner's id in front: a search reads the index entries of one
-- user only, however often all others use the word. The parser of to_tsvector is not used, because
-- it takes an address, or a number with points, for one word. 100,000 characters make 800 kB of
-- words at most; a tsvector holds 1 MB.
create function charla.words_of(owner uuid, content text) returns tsvector
language plpgsql immutable strict parallel safe set search_path = '' as $$
begin
  return array_to_tsvector(array(
    select right(owner::text, 12) || word
    from unnest(charla.words(left(content, 100000))) as word
  ));
end;
$$;
revoke all on function charla.words_of from public, anon, authenticated;
grant execute on function charla.words_of to service_role;

-- Finds words that begin with each of these. They are quoted, so that none is an operator.
create function charla.query_of(owner uuid, words text[]) returns tsquery
language sql immutable strict parallel safe set search_path = '' as $$
  select string_agg(quote_literal(right(owner::text, 12) || word) || ':*', ' & ')::tsquery
  from unnest(words) as word
$$;
revoke all on function charla.query_of from public, anon, authenticated;
grant execute on function charla.query_of to service_role;
