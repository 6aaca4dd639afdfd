-- A schema with some of everything.
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE EXTENSION pg_trgm WITH SCHEMA public;
CREATE EXTENSION postgres_fdw;
CREATE SCHEMA "Öl";
CREATE SCHEMA app AUTHORIZATION catalog_owner;
COMMENT ON SCHEMA app IS 'what the application uses';

CREATE TYPE app.state AS ENUM ('new', 'done', 'it''s gone');
CREATE TYPE app.pair AS (a integer, "b c" text COLLATE "C");
CREATE DOMAIN app.email AS citext DEFAULT 'nobody@example.org' NOT NULL CHECK (VALUE ~ '@');
CREATE TYPE app.span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE COLLATION app.german (provider = libc, locale = 'C.UTF-8');

CREATE FUNCTION app.twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION app.parsed(n integer, m integer DEFAULT 3) RETURNS boolean LANGUAGE sql
    BEGIN ATOMIC SELECT ((n > 1 AND m > 2) AND n < 9) OR m = 7; END;
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = app
    AS $$ BEGIN NEW.title := NEW.title || '!'; RETURN NEW; END $$;
CREATE PROCEDURE app.tidy(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
CREATE AGGREGATE app.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0', PARALLEL = safe);
CREATE FUNCTION app.noted() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;

CREATE TABLE app.people (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5) PRIMARY KEY,
    email app.email,
    name varchar(40) COLLATE app.german DEFAULT 'nobody'::character varying,
    state app.state NOT NULL DEFAULT 'new',
    kind varchar(10) CHECK (kind IN ('a', 'b', 'c, (d')),
    age integer CHECK (age BETWEEN 0 AND 150 AND age <> 7),
    shout text GENERATED ALWAYS AS (upper(name)) STORED,
    props hstore,
    tags text[] DEFAULT '{}'::text[],
    spot app.pair,
    reach app.span,
    score numeric(10,2) DEFAULT -1.5
) WITH (fillfactor = 80, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE app.people ALTER props SET STORAGE external, ALTER name SET STATISTICS 50, ALTER age SET (n_distinct = -0.5);
ALTER TABLE app.people ALTER shout SET COMPRESSION pglz;
COMMENT ON TABLE app.people IS 'who';
COMMENT ON COLUMN app.people.email IS 'where';
CREATE UNIQUE INDEX people_email ON app.people (lower(email::text)) WHERE kind IN ('a', 'b') AND (age > 1 AND age < 9);
CREATE INDEX people_trgm ON app.people USING gin (name gin_trgm_ops);
CREATE INDEX people_expr ON app.people ((age + 1)) INCLUDE (kind) WITH (fillfactor = 70);
ALTER INDEX app.people_expr ALTER COLUMN 1 SET STATISTICS 77;
COMMENT ON INDEX app.people_trgm IS 'find by name';
CREATE STATISTICS app.people_stats (dependencies, ndistinct) ON kind, age FROM app.people;
ALTER STATISTICS app.people_stats SET STATISTICS 33;

CREATE TABLE "Öl"."a.b ""c""" (
    "Ünïcode key" serial PRIMARY KEY,
    "select" text UNIQUE DEFERRABLE INITIALLY DEFERRED,
    person bigint CONSTRAINT "wer?" REFERENCES app.people ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE,
    during tstzrange, EXCLUDE USING gist (during WITH &&)
);
ALTER TABLE "Öl"."a.b ""c""" ADD CONSTRAINT later CHECK ("select" <> 'x') NOT VALID;
ALTER TABLE "Öl"."a.b ""c""" REPLICA IDENTITY USING INDEX "a.b ""c""_pkey";
ALTER TABLE "Öl"."a.b ""c""" CLUSTER ON "a.b ""c""_pkey";

CREATE TABLE app.events (at timestamptz NOT NULL, what text, person bigint REFERENCES app.people, PRIMARY KEY (at, what))
    PARTITION BY RANGE (at);
CREATE TABLE app.events_2024 PARTITION OF app.events FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE TABLE app.events_rest (person bigint, what text NOT NULL, at timestamptz NOT NULL DEFAULT now());
ALTER TABLE app.events ATTACH PARTITION app.events_rest DEFAULT;
CREATE INDEX events_person ON app.events (person);
CREATE TABLE app.events_old (gone int, what text NOT NULL CHECK (what <> 'never'), at timestamptz NOT NULL,
    person bigint CONSTRAINT own_name REFERENCES app.people, CONSTRAINT old_key PRIMARY KEY (at, what));
ALTER TABLE app.events_old DROP gone;
CREATE INDEX old_person ON app.events_old (person);
ALTER TABLE app.events ATTACH PARTITION app.events_old FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2021-01-01 00:00+00');
CREATE TABLE app.nested PARTITION OF app.events FOR VALUES FROM ('2021-01-01 00:00+00') TO ('2022-01-01 00:00+00')
    PARTITION BY LIST (what);
CREATE TABLE app.nested_a PARTITION OF app.nested (CHECK (what IN ('a', 'b') AND (person > 1 AND person < 9)))
    FOR VALUES IN ('a', NULL);

CREATE TABLE app.animals (id integer PRIMARY KEY, name text CHECK (name <> '') NO INHERIT);
CREATE TABLE app.dogs (bark text) INHERITS (app.animals);
ALTER TABLE app.animals ADD legs integer DEFAULT 4;
CREATE UNLOGGED TABLE app.cache (k text, v jsonb, d json, p point, x xml, b bytea);
CREATE TABLE app.of_type OF app.pair (a WITH OPTIONS NOT NULL);
CREATE SEQUENCE app.counter AS smallint MINVALUE -5 MAXVALUE 500 INCREMENT 3 CACHE 4 CYCLE;

CREATE VIEW app.grown WITH (security_barrier) AS
    SELECT p.id, p.name, count(*) OVER (ORDER BY p.id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n
    FROM app.people p LEFT JOIN "Öl"."a.b ""c""" o ON o.person = p.id AND (o."select" = 'x' AND p.kind IN ('a', 'b'))
    WHERE p.age BETWEEN 18 AND 99 AND p.state <> 'done';
ALTER VIEW app.grown ALTER COLUMN name SET DEFAULT 'new one';
CREATE MATERIALIZED VIEW app.counts AS SELECT kind, count(*) AS n FROM app.people GROUP BY kind;
CREATE MATERIALIZED VIEW app.later AS SELECT 1 AS one WITH NO DATA;
CREATE UNIQUE INDEX counts_kind ON app.counts (kind);
CREATE VIEW app.wild AS
    WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 5 AND (n > 0 AND n <> 9))
    SELECT p.id, substring(p.name from 2 for 3) AS s, extract(year FROM e.at AT TIME ZONE 'UTC') AS y,
        CASE WHEN p.kind NOT IN ('a', 'b') OR (p.age IS NULL OR p.age < 3) THEN 'x' ELSE p.name END AS c,
        p.state = ANY ('{new,done}'::app.state[]) AS st, p.name::varchar(5) AS cut, p.tags[1:2] AS t, (p.spot).a AS a,
        coalesce(p.score, -1) AS score, p.kind LIKE 'a%' AS l, 'now'::text::date AS d, p.props -> 'k' AS k,
        sum(p.age) FILTER (WHERE p.age BETWEEN 1 AND 2 AND p.kind = 'a') OVER w AS f, ROW(1, p.kind)::app.pair AS r
    FROM app.people p CROSS JOIN LATERAL (SELECT * FROM app.events e WHERE e.person = p.id AND (e.what = 'a' AND
        EXISTS (SELECT 1 FROM r WHERE r.n = p.age OR (r.n = 1 OR p.kind IN ('c', 'd'))))) e
    WHERE NOT (p.kind = 'a' AND (p.age > 1 AND p.age < 4)) AND p.kind::text IN ('q', 'r') AND p.id NOT IN (1, 2)
    WINDOW w AS (PARTITION BY p.kind ORDER BY p.id RANGE BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE TIES)
    UNION SELECT 1, 'a', 2, 'b', true, 'c', NULL, 3, 4, false, current_date, NULL, 5, ROW(2, 'x'::varchar)::app.pair ORDER BY 1 LIMIT 3;
CREATE TABLE app.defaults (a char(5) DEFAULT 'x', b bit(3) DEFAULT B'101', c interval DEFAULT '1 mon 2 days',
    d varchar(9) DEFAULT NULL::varchar, e float8 DEFAULT -0.5e-10, f bigint DEFAULT -9223372036854775808,
    g boolean DEFAULT (1 < 2 AND (2 < 3 AND true)), h text DEFAULT E'a\\b\n''(', i app.state[] DEFAULT ARRAY['new']::app.state[],
    j text DEFAULT current_setting('x.y', true), k timestamptz DEFAULT now() + interval '1 day', l regclass DEFAULT 'app.people',
    m text GENERATED ALWAYS AS (CASE WHEN a IN ('p', 'q') OR (b = B'001' OR d IN ('r', 's')) THEN h END) STORED,
    EXCLUDE USING gist (during WITH &&) WHERE (a IN ('v', 'w') AND (f > 1 AND f < 2)), during int4range,
    CHECK (d = ANY (ARRAY['x', 'y']::varchar[]) OR d NOT IN ('z')), CHECK (coalesce(d, 'q') IN ('v', h)));
CREATE RULE grown_insert AS ON INSERT TO app.grown DO INSTEAD NOTHING;

CREATE TRIGGER touched BEFORE INSERT OR UPDATE OF name ON app.people FOR EACH ROW
    WHEN (NEW.age BETWEEN 1 AND 5 AND NEW.kind IN ('a', 'b')) EXECUTE FUNCTION app.touch();
ALTER TABLE app.people DISABLE TRIGGER touched;
CREATE TRIGGER all_events AFTER INSERT ON app.events FOR EACH ROW EXECUTE FUNCTION app.touch();
COMMENT ON TRIGGER touched ON app.people IS 'off';
CREATE EVENT TRIGGER noted ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION app.noted();

ALTER TABLE app.people ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.people FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON app.people AS RESTRICTIVE FOR UPDATE TO catalog_app, catalog_owner
    USING (kind IN ('a', 'b') AND (age > 1 AND age < 7)) WITH CHECK (true);

CREATE PUBLICATION selected FOR TABLE app.people (id, kind) WHERE ((id > 1 AND age < 9) AND id < 99), TABLE app.events
    WITH (publish = 'insert, update', publish_via_partition_root = true);
CREATE PUBLICATION whole FOR TABLES IN SCHEMA app;
CREATE SUBSCRIPTION sub CONNECTION 'host=127.0.0.1 dbname=none' PUBLICATION p WITH (connect = false);

CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', dbname 'other');
CREATE USER MAPPING FOR catalog_app SERVER elsewhere OPTIONS (user 'u', password 'hunter2');
CREATE FOREIGN TABLE app.far (id integer OPTIONS (column_name 'nr'), v text) SERVER elsewhere OPTIONS (table_name 't');

CREATE FUNCTION app.pair_number(app.pair) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a';
CREATE CAST (app.pair AS integer) WITH FUNCTION app.pair_number(app.pair);
CREATE OPERATOR app.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq, COMMUTATOR = OPERATOR(app.===), HASHES);
CREATE OPERATOR CLASS app.odd FOR TYPE integer USING btree AS
    OPERATOR 1 <, OPERATOR 3 =, OPERATOR 5 >, OPERATOR 2 <=, OPERATOR 4 >=, FUNCTION 1 btint4cmp(integer, integer);
CREATE TEXT SEARCH DICTIONARY app.plain (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION app.words (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION app.words ALTER MAPPING FOR asciiword WITH app.plain, simple;

GRANT USAGE ON SCHEMA app TO catalog_app;
GRANT SELECT, INSERT ON app.people TO catalog_app WITH GRANT OPTION;
GRANT SELECT ON app.people TO catalog_owner;
GRANT UPDATE (name, age) ON app.people TO catalog_app;
GRANT USAGE ON SEQUENCE app.counter TO catalog_app;
REVOKE EXECUTE ON FUNCTION app.twice(integer) FROM PUBLIC;
GRANT USAGE ON TYPE app.state TO catalog_app;
ALTER DEFAULT PRIVILEGES FOR ROLE catalog_owner IN SCHEMA app GRANT SELECT ON TABLES TO catalog_app;
ALTER DEFAULT PRIVILEGES FOR ROLE catalog_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER TABLE app.animals OWNER TO catalog_owner;
SELECT lo_create(4711);
