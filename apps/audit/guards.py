"""What the database does for the log: functions of triggers that refuse changes, date operations and write the chain.

They are written once, here: migrations install them, and `schema.py` compares them with those that a database has.
Their search path holds PostgreSQL's own schema alone and every table is qualified, so that no function, operator or
table of another schema takes part in what is written, whatever is created there.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

SEARCH_PATH = "pg_catalog, pg_temp"


@dataclass(frozen=True, slots=True)
class Guard:
    """A function in PL/pgSQL; `{schema}` in its body stands for the quoted name of the schema that the log is in.

    One that runs `as_owner` is not for the public to call, unless it is `called` by name.
    """

    name: str
    body: str
    arguments: str = ""
    returns: str = "trigger"
    as_owner: bool = False
    called: bool = False

    def source(self, schema: str) -> str:
        """The body as the database keeps it."""
        return self.body.replace("{schema}", schema)

    def statements(self, schema: str) -> list[str]:
        """SQL that makes the function, in the place of one that is there."""
        signature = f"{schema}.{self.name}({self.arguments})"
        rights = "SECURITY DEFINER" if self.as_owner else "SECURITY INVOKER"
        made = [
            f"CREATE OR REPLACE FUNCTION {signature} RETURNS {self.returns} LANGUAGE plpgsql {rights}"
            f" SET search_path = {SEARCH_PATH} AS $guard${self.source(schema)}$guard$"
        ]
        if self.as_owner and not self.called:
            made.append(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        return made


REFUSE_CHANGE = Guard(
    "audit_refuse_change",
    """
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        MESSAGE = format('%s is append-only: %s is refused', TG_TABLE_NAME, TG_OP),
        HINT = 'Rows of this table are never changed or removed. Add a row that says what is so now.';
END
""",
)

# Who writes an operation chooses neither its time nor its transaction.
STAMP_OPERATION = Guard(
    "audit_stamp_operation",
    """
BEGIN
    NEW.at := clock_timestamp();
    NEW.transaction_id := (pg_current_xact_id()::text)::bigint;
    RETURN NEW;
END
""",
)

# Only the trigger below writes links; it runs one trigger deeper than a client's statement.
REFUSE_LINK = Guard(
    "audit_refuse_link",
    """
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation',
            MESSAGE = 'audit_link is written by the database alone: INSERT is refused',
            HINT = 'Insert entries: their link is written with them.';
    END IF;
    RETURN NULL;
END
""",
)

# One link for each account and operation among the rows of the statement, in this order, so that two statements
# take the locks of their chains in the same order. The lock is held until the transaction ends: the next writer
# of the chain waits, and then reads (in a fresh snapshot, under READ COMMITTED) the link that was committed.
# Under a stricter isolation the snapshot may be older than the chain: ON CONFLICT makes of that a serialization
# failure, to be tried again like any other, where a plain INSERT would say that a number is taken.
#
# A row's text is a JSON array, so that no two different rows have the same; times are microseconds since 1970,
# so that no setting of the session has a part in it. Each entry is digested alone, and the link digests the
# digests: linear in time, and 32 bytes for each entry in memory. rows.py computes the digests again, in Python:
# what is changed here is changed there.
#
# It runs with its owner's rights, so that writers need none on the links, and see the head of every chain.
WRITE_LINKS = Guard(
    "audit_write_links",
    """
DECLARE
    part record;
    operation {schema}.audit_operation;
    head {schema}.audit_link;
    link {schema}.audit_link;
BEGIN
    FOR part IN
        SELECT account_id, operation_id, count(*) AS entries, min(id) AS first, max(id) AS last,
            pg_catalog.sha256(string_agg(
                pg_catalog.sha256(convert_to(json_build_array(
                    'entry', id, operation_id, account_id, branch_id, user_id,
                    target_type, target_id, target_text, before, after
                )::text, 'UTF8')),
                ''::bytea ORDER BY id
            )) AS digest
        FROM written
        GROUP BY account_id, operation_id
        ORDER BY account_id, operation_id
    LOOP
        SELECT * INTO operation FROM {schema}.audit_operation WHERE id = part.operation_id;
        IF operation.transaction_id IS DISTINCT FROM (pg_current_xact_id()::text)::bigint THEN
            RAISE EXCEPTION USING
                ERRCODE = 'restrict_violation',
                MESSAGE = format('operation %s was not begun in this transaction: its entries are refused',
                                 part.operation_id),
                HINT = 'Write an operation of its own, and its entries in the same transaction.';
        END IF;

        PERFORM pg_advisory_xact_lock(hashtextextended('audit chain', part.account_id));
        SELECT * INTO head FROM {schema}.audit_link WHERE account_id = part.account_id ORDER BY seq DESC LIMIT 1;
        IF EXISTS (
            SELECT FROM {schema}.audit_link
            WHERE account_id = part.account_id AND operation_id = part.operation_id AND last_entry >= part.first
        ) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'restrict_violation',
                MESSAGE = format('the entries of operation %s do not follow those it has: they are refused',
                                 part.operation_id),
                HINT = 'Leave the ids of entries to the database.';
        END IF;

        link.account_id := part.account_id;
        link.seq := coalesce(head.seq, 0) + 1;
        link.operation_id := part.operation_id;
        link.first_entry := part.first;
        link.last_entry := part.last;
        link.entry_count := part.entries;
        link.operation_digest := pg_catalog.sha256(convert_to(json_build_array(
            'operation', operation.id, trunc(extract(epoch FROM operation.at) * 1000000)::text,
            operation.transaction_id, operation.actor_id, operation.actor_name, operation.acting_as_id,
            operation.acting_as_name, operation.verb, operation.reason, operation.ip::text
        )::text, 'UTF8'));
        link.entries_digest := part.digest;
        link.previous := coalesce(head.hash, ''::bytea);
        link.at := clock_timestamp();
        link.hash := pg_catalog.sha256(convert_to(json_build_array(
            'link', link.account_id, link.seq, link.operation_id, link.first_entry, link.last_entry,
            link.entry_count, encode(link.operation_digest, 'hex'), encode(link.entries_digest, 'hex'),
            encode(link.previous, 'hex'), trunc(extract(epoch FROM link.at) * 1000000)::text
        )::text, 'UTF8'));
        INSERT INTO {schema}.audit_link (
            account_id, seq, operation_id, first_entry, last_entry, entry_count,
            operation_digest, entries_digest, previous, hash, at
        ) VALUES (
            link.account_id, link.seq, link.operation_id, link.first_entry, link.last_entry, link.entry_count,
            link.operation_digest, link.entries_digest, link.previous, link.hash, link.at
        ) ON CONFLICT (account_id, seq) DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING
                ERRCODE = 'serialization_failure',
                MESSAGE = format('the chain of account %s went on meanwhile', part.account_id),
                HINT = 'Try the transaction again.';
        END IF;
    END LOOP;
    RETURN NULL;
END
""",
    as_owner=True,
)

REFUSE_TRUNCATE = Guard(
    "audit_refuse_truncate",
    """
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        MESSAGE = format('%s is audited: TRUNCATE is refused', TG_TABLE_NAME),
        HINT = 'Delete the rows instead, and state the reason.';
END
""",
)

# Who, why and what verb are stated by settings of the transaction (`services.operation` sets them, and so may anybody
# in plain SQL). The operation is written with its first entry, so that nothing is logged where nothing has changed.
OPERATION_IN_PROGRESS = Guard(
    "audit_operation_in_progress",
    r"""
DECLARE
    found bigint := nullif(current_setting('mandate.operation', true), '')::bigint;
BEGIN
    IF EXISTS (
        SELECT FROM {schema}.audit_operation
        WHERE id = found AND transaction_id = (pg_current_xact_id()::text)::bigint
    ) THEN
        RETURN found;
    END IF;
    IF coalesce(current_setting('mandate.reason', true), '') !~ '\S' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation',
            MESSAGE = format('%s is not changed without a reason', changed),
            HINT = 'State it in the transaction: SELECT set_config(''mandate.reason'', ''...'', true).';
    END IF;
    INSERT INTO {schema}.audit_operation (actor_id, actor_name, acting_as_id, acting_as_name, verb, reason, ip) VALUES (
        nullif(current_setting('mandate.actor', true), '')::bigint,
        coalesce(nullif(current_setting('mandate.actor_name', true), ''), format('%s at the database', session_user)),
        nullif(current_setting('mandate.acting_as', true), '')::bigint,
        coalesce(current_setting('mandate.acting_as_name', true), ''),
        coalesce(nullif(current_setting('mandate.verb', true), ''), 'audit.changed_directly'),
        btrim(current_setting('mandate.reason', true)),
        nullif(current_setting('mandate.ip', true), '')::inet
    ) RETURNING id INTO found;
    PERFORM set_config('mandate.operation', found::text, true);
    RETURN found;
END
""",
    arguments="changed text",
    returns="bigint",
    as_owner=True,
    called=True,
)

GUARDS = (REFUSE_CHANGE, STAMP_OPERATION, REFUSE_LINK, WRITE_LINKS, REFUSE_TRUNCATE, OPERATION_IN_PROGRESS)

# The triggers of each table, by name, as PostgreSQL writes their definition; `{table}` is the qualified table.
APPEND_ONLY = {
    "audit_append_only": "BEFORE DELETE OR UPDATE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION {schema}.audit_refuse_change()"
}
TRIGGERS = {
    "audit_operation": APPEND_ONLY
    | {
        "audit_stamp": "BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {schema}.audit_stamp_operation()",
    },
    "audit_entry": APPEND_ONLY
    | {
        "audit_chain": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS written"
        " FOR EACH STATEMENT EXECUTE FUNCTION {schema}.audit_write_links()",
    },
    "audit_link": APPEND_ONLY
    | {
        "audit_from_entries": "BEFORE INSERT ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION {schema}.audit_refuse_link()",
    },
}


def schema_of(connection: BaseDatabaseWrapper) -> str:
    """The quoted name of the schema that migrations make tables in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        return str(cursor.fetchone()[0])
