#!/bin/sh
# Apply the migrations of a folder that a database does not have yet, as `supabase db push` does:
# in the order of their names, each in a transaction, noted in supabase_migrations.
# usage: migrate.sh FOLDER      (PGHOST, PGUSER and so on say where)
set -eu

query() { psql -XqAt --set=ON_ERROR_STOP=1 "$@"; }

for file in "$1"/*.sql; do
    name=$(basename "$file" .sql)
    version=${name%%_*}
    noted="supabase_migrations.schema_migrations"
    [ -z "$(query -c "select 1 from $noted where version = '$version'")" ] || continue
    echo "$name"
    query --single-transaction --file="$file" \
        -c "insert into $noted (version, name) values ('$version', '${name#*_}')"
done
