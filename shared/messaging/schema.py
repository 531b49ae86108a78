"""The tables every service needs to publish and to consume; its first migration executes them."""

MESSAGING_DDL = """
CREATE TABLE outbox (
  -- Order per aggregate rests on CACHE 1: an id drawn later is never smaller.
  id             bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  event_id       uuid        NOT NULL DEFAULT uuidv7() UNIQUE,
  topic          text        NOT NULL,
  msg_key        text        NOT NULL,
  aggregate_type text        NOT NULL,
  aggregate_id   text        NOT NULL,
  aggregate_seq  bigint      NOT NULL CHECK (aggregate_seq > 0),
  event_type     text        NOT NULL,
  schema_version smallint    NOT NULL,
  payload        jsonb       NOT NULL
                 CONSTRAINT outbox_payload_size CHECK (octet_length(payload::text) <= 262144),
  headers        jsonb       NOT NULL DEFAULT '{}',
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at   timestamptz,
  parked_at      timestamptz,
  park_reason    text,
  UNIQUE (aggregate_type, aggregate_id, aggregate_seq)
);
CREATE INDEX outbox_pending ON outbox (id) WHERE published_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_parked ON outbox (msg_key, id) WHERE parked_at IS NOT NULL;
CREATE INDEX outbox_sent ON outbox (published_at) WHERE published_at IS NOT NULL;
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
                        autovacuum_vacuum_cost_delay = 0);

CREATE TABLE relay_lease (
  name       text PRIMARY KEY,
  holder     uuid,
  epoch      bigint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL DEFAULT '-infinity'
);

CREATE TABLE inbox (
  consumer    text NOT NULL,
  event_id    uuid NOT NULL,
  topic       text NOT NULL,
  part        int NOT NULL,
  off         bigint NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (consumer, event_id)
);

-- Kept for ever: it recognises duplicates after their inbox rows were purged.
CREATE TABLE inbox_cursor (
  consumer       text NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id   text NOT NULL,
  last_seq       bigint NOT NULL,
  last_event_id  uuid NOT NULL,
  PRIMARY KEY (consumer, aggregate_type, aggregate_id)
);

CREATE TABLE inbox_parked (
  consumer       text NOT NULL,
  event_id       uuid NOT NULL,
  aggregate_type text NOT NULL,
  aggregate_id   text NOT NULL,
  aggregate_seq  bigint,
  kind           text NOT NULL
                 CHECK (kind IN ('poison', 'held', 'gap', 'conflict', 'unknown_version')),
  envelope       jsonb NOT NULL,
  error          text,
  attempts       int NOT NULL DEFAULT 0,
  parked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at    timestamptz,
  resolved_by    text,
  PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_parked_open
  ON inbox_parked (consumer, aggregate_type, aggregate_id, aggregate_seq)
  WHERE resolved_at IS NULL;
"""
