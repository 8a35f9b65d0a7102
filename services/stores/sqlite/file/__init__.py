"""The database file: connections, migrations, snapshots."""
