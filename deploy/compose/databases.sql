-- One database and one role for each service; no role may enter another's database.
-- Run once by psql when the server's volume is still empty.
\getenv households_password HOUSEHOLDS_DATABASE_PASSWORD
\getenv funds_password FUNDS_DATABASE_PASSWORD
\getenv inspection_password INSPECTION_DATABASE_PASSWORD
\getenv notify_password NOTIFY_DATABASE_PASSWORD

CREATE ROLE households LOGIN PASSWORD :'households_password';
CREATE ROLE funds LOGIN PASSWORD :'funds_password';
CREATE ROLE inspection LOGIN PASSWORD :'inspection_password';
CREATE ROLE notify LOGIN PASSWORD :'notify_password';

CREATE DATABASE households OWNER households;
CREATE DATABASE funds OWNER funds;
CREATE DATABASE inspection OWNER inspection;
CREATE DATABASE notify OWNER notify;

REVOKE CONNECT ON DATABASE households, funds, inspection, notify FROM PUBLIC;
