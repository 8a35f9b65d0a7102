-- `code` says why a call did not end well; empty: it did, or nobody knows.
ALTER TABLE ledger ADD COLUMN code TEXT NOT NULL DEFAULT '';

-- The provider calls that beats told of, as a JSON array; `attempt` is how many they are. Null: none
-- was told, or only their number, by a release that knew no other model than the one of the begin.
ALTER TABLE runs ADD COLUMN calls TEXT;
