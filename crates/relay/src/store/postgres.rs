//! PostgreSQL: one connection, made again when it breaks.
//!
//! The store's thread drives it: the client is asynchronous, so each call runs the thread's own small runtime until the
//! answer is there. Statements are prepared once a connection.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use bytes::BytesMut;
use tokio::runtime::Runtime;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::personal;
use super::sql::{Cell, Committed, Fault, Flush, NEWER, Outcome, Row, Shapes, Sql, Step, Value, step, way};

/// Steps from an empty database to today's schema; the table `footlight` counts those that were taken.
const STEPS: [Step; 18] = [
    step!("postgres/schema"),
    step!("postgres/ledger"),
    step!("postgres/moderation"),
    step!("postgres/given"),
    step!("postgres/packets"),
    step!("postgres/paid"),
    step!("postgres/memberships"),
    step!("postgres/people"),
    step!("postgres/invites"),
    step!("postgres/logins"),
    step!("postgres/reports"),
    step!("postgres/networks"),
    step!("postgres/top_ups"),
    step!("postgres/orders"),
    step!("postgres/watched"),
    step!("postgres/passkeys"),
    step!("postgres/pictures"),
    step!("postgres/follows"),
];
/// Any number: relays that start at the same time take turns with the schema.
const TURN: i64 = 0x666f_6f74;
const CONNECT: Duration = Duration::from_secs(5);
/// A statement that takes longer has met something that holds the tables; the transaction fails rather than the room.
const LONGEST_STATEMENT: &str = "SET statement_timeout = '10s'";
/// What makes the server let go of its log: its newest file ends, and none from before is needed any more. Not every role
/// may.
const LET_GO: [&str; 2] = ["SELECT pg_switch_wal()", "CHECKPOINT"];

pub(super) struct Postgres {
    runtime: Runtime,
    config: Config,
    link: Option<Link>,
}

/// A connection and what was prepared on it.
struct Link {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Postgres {
    /// Connects to a `postgres://` URL and brings the schema to `version`, today's where none is given.
    ///
    /// # Errors
    /// In words without the URL, which holds a password.
    pub(super) fn open(url: &str, version: Option<usize>) -> Result<Self, String> {
        let mut config: Config = url.parse().map_err(|_| "its address cannot be read".to_owned())?;
        config.connect_timeout(CONNECT).application_name("footlight-relay");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let mut database = Self { runtime, config, link: None };
        database.migrate(version.unwrap_or(STEPS.len())).map_err(|Fault(message)| message)?;
        Ok(database)
    }

    fn link(&mut self) -> Outcome<&mut Link> {
        let open = self.link.take().filter(|link| !link.client.is_closed());
        let link = match open {
            Some(link) => link,
            None => self.runtime.block_on(connect(&self.config))?,
        };
        Ok(self.link.insert(link))
    }

    /// Several statements without places.
    fn batch(&mut self, statements: &str) -> Outcome<()> {
        let Some(Link { client, .. }) = &self.link else {
            return Err(Fault("the connection is gone".to_owned()));
        };
        self.runtime.block_on(client.batch_execute(statements)).map_err(fault)
    }

    fn run<T>(
        &mut self,
        statement: &str,
        ask: impl AsyncFnOnce(&Client, &Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Outcome<T> {
        let Some(Link { client, statements }) = &mut self.link else {
            return Err(Fault("the connection is gone".to_owned()));
        };
        self.runtime.block_on(async {
            let prepared = match statements.get(statement) {
                Some(prepared) => prepared.clone(),
                None => {
                    let prepared = client.prepare(&placed(statement)).await.map_err(fault)?;
                    statements.entry(statement.to_owned()).or_insert(prepared).clone()
                }
            };
            ask(client, &prepared).await.map_err(fault)
        })
    }

    /// Columns whose numbers the database gives.
    fn numbered(&mut self) -> Outcome<Vec<(String, String)>> {
        let rows = self.query(
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
             WHERE table_schema = 'public' AND is_identity = 'YES'",
            &[],
        )?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }

    /// The server's statistics hold values of the columns as they were, wherever the rows have gone since.
    fn keep_no_samples(&mut self) -> Outcome<()> {
        for (table, columns) in personal::emptied() {
            let none: Vec<_> = columns.map(|column| format!("ALTER {column} SET STATISTICS 0")).collect();
            self.batch(&format!("ALTER TABLE {table} {}", none.join(", ")))?;
        }
        Ok(())
    }

    fn migrate(&mut self, to: usize) -> Outcome<()> {
        self.begin()?;
        self.batch(&format!(
            "SELECT pg_advisory_xact_lock({TURN}); CREATE TABLE IF NOT EXISTS footlight (version BIGINT NOT NULL)"
        ))?;
        let from = self.query("SELECT version FROM footlight", &[])?;
        let from: u64 = from.first().map_or(Ok(0), |row| row.get(0))?;
        let steps = way(&STEPS, from as usize, to).ok_or_else(|| Fault(NEWER.to_owned()))?;
        for step in &steps {
            self.batch(step)?;
        }
        if !steps.is_empty() && to == STEPS.len() {
            self.keep_no_samples()?;
        }
        self.batch("DELETE FROM footlight")?;
        self.execute("INSERT INTO footlight (version) VALUES (?1)", &[Value::from(to)])?;
        self.commit().map(drop)
    }
}

async fn connect(config: &Config) -> Outcome<Link> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let tls =
        rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
    let (client, connection) = config.connect(MakeRustlsConnect::new(tls)).await.map_err(fault)?;
    // Ends with the client; what breaks it is told to the one who asks next.
    tokio::spawn(async move { drop(connection.await) });
    client.batch_execute(LONGEST_STATEMENT).await.map_err(fault)?;
    Ok(Link { client, statements: HashMap::new() })
}

impl Sql for Postgres {
    fn begin(&mut self) -> Outcome<()> {
        self.link()?;
        self.batch("BEGIN")
    }

    fn commit(&mut self) -> Outcome<Committed> {
        self.batch("COMMIT").map(|()| Committed::Whole)
    }

    fn flush(&self) -> Outcome<Option<Flush>> {
        Ok(None)
    }

    fn roll_back(&mut self) -> Outcome<()> {
        // A connection that is gone has undone it by going.
        if self.link.as_ref().is_none_or(|link| link.client.is_closed()) {
            return Ok(());
        }
        self.batch("ROLLBACK")
    }

    fn mark(&mut self) -> Outcome<()> {
        self.batch("SAVEPOINT job")
    }

    fn past_mark(&mut self) -> Outcome<()> {
        self.batch("RELEASE job")
    }

    fn back_to_mark(&mut self) -> Outcome<()> {
        self.batch("ROLLBACK TO job; RELEASE job")
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<u64> {
        self.run(statement, async |client, prepared| client.execute_raw(prepared, values).await)
    }

    fn scrub(&mut self) -> Outcome<()> {
        self.link()?;
        // Old versions of rows go with the old files.
        for (table, _) in personal::emptied() {
            self.batch(&format!("VACUUM FULL {table}"))?;
        }
        // The server lets go of its log up to here. Copies of it elsewhere are for who makes them.
        let left = LET_GO.iter().try_for_each(|statement| self.batch(statement));
        if let Err(reason) = left {
            tracing::warn!(%reason, "what was erased stays in PostgreSQL's log until the server lets go of it itself");
        }
        Ok(())
    }

    fn key(&mut self, table: &str) -> Outcome<Vec<String>> {
        let rows = self.query(
            "SELECT CAST(used.column_name AS TEXT) FROM information_schema.key_column_usage AS used
             JOIN information_schema.table_constraints AS rule
             ON rule.constraint_name = used.constraint_name AND rule.table_schema = used.table_schema
             WHERE rule.constraint_type = 'PRIMARY KEY' AND used.table_schema = 'public'
             AND CAST(used.table_name AS TEXT) = ?1 ORDER BY used.ordinal_position",
            &[table.into()],
        )?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn counters(&mut self) -> Outcome<Vec<(String, u64)>> {
        let mut counters = Vec::new();
        for (table, column) in self.numbered()? {
            // The names are of our own schema.
            let sequence = self
                .query(&format!("SELECT CAST(pg_get_serial_sequence('{table}', '{column}') AS TEXT)"), &[])?;
            let sequence: String = sequence.first().map_or(Ok(String::new()), |row| row.get(0))?;
            let newest = self.query(
                &format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"),
                &[],
            )?;
            counters.push((table, newest.first().map_or(Ok(0), |row| row.get(0))?));
        }
        Ok(counters)
    }

    fn set_counter(&mut self, table: &str, newest: u64) -> Outcome<()> {
        let numbered = self.numbered()?;
        let Some((_, column)) = numbered.iter().find(|(one, _)| one == table).filter(|_| newest > 0) else {
            return Ok(());
        };
        let set = format!("SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {newest})");
        self.query(&set, &[]).map(drop)
    }

    fn overriding(&self) -> &'static str {
        "OVERRIDING SYSTEM VALUE"
    }

    fn shapes(&self) -> Shapes {
        Shapes { sizes: &[64, 16, 4, 1], casts: true }
    }

    fn query(&mut self, statement: &str, values: &[Value<'_>]) -> Outcome<Vec<Row>> {
        let places: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let rows = self.run(statement, async |client, prepared| client.query(prepared, &places).await)?;
        rows.iter().map(row).collect()
    }
}

/// `?1` as PostgreSQL writes it. No statement of the store holds a question mark otherwise.
fn placed(statement: &str) -> String {
    statement.replace('?', "$")
}

fn row(row: &tokio_postgres::Row) -> Outcome<Row> {
    let columns = row.columns().iter().enumerate();
    columns.map(|(place, column)| cell(row, place, column.type_())).collect::<Outcome<_>>().map(Row)
}

fn cell(row: &tokio_postgres::Row, place: usize, kind: &Type) -> Outcome<Cell> {
    let cell = match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(place).map(|value| value.map(Cell::Int)),
        Type::INT4 => row.try_get::<_, Option<i32>>(place).map(|value| value.map(|v| Cell::Int(v.into()))),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(place).map(|value| value.map(Cell::Blob)),
        _ => row.try_get::<_, Option<String>>(place).map(|value| value.map(Cell::Text)),
    };
    cell.map(|cell| cell.unwrap_or(Cell::Null)).map_err(fault)
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *kind == Type::INT4 => i32::try_from(*value)?.to_sql(kind, out),
            Self::Int(value) => value.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// What the server says, where it is the server; its text has nothing of the connection's address.
fn fault(error: tokio_postgres::Error) -> Fault {
    let said = error.as_db_error().map(|said| format!("{}: {}", said.code().code(), said.message()));
    Fault(said.unwrap_or_else(|| match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }))
}
