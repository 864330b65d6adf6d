"""SQLAlchemy over PyMySQL: its transactions, its locks, its pool, and every statement that it makes of them."""

import contextlib

import sqlalchemy as sa
from sqlalchemy import orm

import observe
from observe import SCHEMA, attempt, chapter, claim, in_background, repeat_until_done, say, show

Base = orm.declarative_base()


class Owner(Base):
    __tablename__ = "owners"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(40), nullable=False, unique=True)
    version = sa.Column(sa.Integer, nullable=False)
    things = orm.relationship("Thing", back_populates="owner", cascade="all, delete-orphan", order_by="Thing.id")
    __mapper_args__ = {"version_id_col": version}


class Thing(Base):
    __tablename__ = "things"
    id = sa.Column(sa.Integer, primary_key=True)
    owner_id = sa.Column(sa.ForeignKey("owners.id", ondelete="CASCADE"), nullable=False)
    label = sa.Column(sa.String(40))
    price = sa.Column(sa.Numeric(10, 2), server_default="1.50")
    details = sa.Column(sa.JSON)
    made = sa.Column(sa.DateTime(timezone=False))
    owner = orm.relationship("Owner", back_populates="things")


def new_engine(**options):
    url = sa.engine.URL.create(
        "mysql+pymysql", observe.USER, observe.PASSWORD, observe.HOST, observe.PORT, SCHEMA, query={"charset": "utf8mb4"}
    )
    engine = sa.create_engine(url, connect_args={"connect_timeout": 30, "read_timeout": 120}, **options)

    @sa.event.listens_for(engine, "before_cursor_execute")
    def tell_statement(_connection, _cursor, statement, parameters, _context, _many):
        print(f"    > {observe.shorten(statement)} with {show(parameters)}")

    for name in ("begin", "commit", "rollback"):
        sa.event.listen(engine, name, lambda _connection, name=name: print(f"    > {name}"))
    for name in ("savepoint", "rollback_savepoint", "release_savepoint"):
        sa.event.listen(engine, name, lambda *_, name=name: print(f"    > {name}"))
    return engine


@contextlib.contextmanager
def fresh():
    """An engine, and its tables with nothing in them."""
    engine = new_engine()
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    try:
        yield engine
    finally:
        Base.metadata.drop_all(engine)
        engine.dispose()


def describe(error):
    """What the server said is the first argument of the driver's own error."""
    original = getattr(error, "orig", None)
    return f"{type(error).__name__} {show(original.args) if original is not None else show(error.args)}"


def refused(label, act):
    try:
        act()
        say(label, "nothing is refused")
    except (sa.exc.SQLAlchemyError, orm.exc.StaleDataError) as error:
        print(f"{label}: {describe(error)}")


@chapter("what the dialect finds out")
def dialect():
    engine = new_engine()
    with engine.connect() as connection:
        found = engine.dialect
        say("server", found.server_version_info, found.is_mariadb, found.default_schema_name, found.default_isolation_level)
        say("variables", found._sql_mode, found._casing, found._server_ansiquotes, found._backslash_escapes)
        say("isolation", connection.get_isolation_level(), found.supports_for_update_of, found._needs_correct_for_88718_96365)
    engine.dispose()


@chapter("tables that are made and reflected")
def reflection():
    with fresh() as engine:
        found = sa.inspect(engine)
        for table in ("children", "parents", "counted", "types", "even_numbers", "owners", "things"):
            say(table)
            for column in found.get_columns(table):
                say("  column", {name: str(value) for name, value in column.items()})
            for about in ("get_indexes", "get_foreign_keys", "get_pk_constraint", "get_unique_constraints", "get_table_comment", "get_check_constraints"):
                attempt(f"  {about}", lambda about=about, table=table: getattr(found, about)(table))
        say("tables", sorted(found.get_table_names()), found.get_view_names())


@chapter("objects that are written, changed and deleted")
def unit_of_work():
    with fresh() as engine, orm.Session(engine, future=True) as session:
        ann = Owner(name="ann", things=[Thing(label="a", details={"n": [1, None, "é"]}), Thing(label="🐬", details=None)])
        session.add_all([ann, Owner(name="bob")])
        session.commit()
        say("ids", ann.id, [thing.id for thing in ann.things], [thing.price for thing in ann.things])
        ann.things[0].price = ann.things[0].price * 3
        ann.things.pop()
        ann.name = "anne"
        session.flush()
        say("seen before the commit", session.scalars(sa.select(Owner.name).order_by(Owner.id)).all())
        session.rollback()
        say("after the rollback", ann.name, len(ann.things), ann.version)
        session.add(Owner(name="bob"))
        refused("a name twice", session.commit)
        refused("without a rollback", lambda: session.scalar(sa.select(sa.func.count(Owner.id))))
        session.rollback()
        session.delete(ann)
        session.commit()
        say("left", session.scalar(sa.select(sa.func.count(Owner.id))), session.scalar(sa.select(sa.func.count(Thing.id))))
        session.bulk_insert_mappings(Owner, [{"name": f"owner {n}", "version": 1} for n in range(500)])
        session.execute(sa.insert(Thing), [{"owner_id": 2, "label": f"t{n}"} for n in range(300)])
        changed = session.execute(sa.update(Thing).where(Thing.id % 2 == 0).values(label="even").execution_options(synchronize_session=False))
        say("changed", changed.rowcount)
        session.commit()
        streamed = session.execute(sa.select(Thing.id).order_by(Thing.id).execution_options(yield_per=50))
        say("streamed", sum(row.id for row in streamed) > 0)
        say("counted", session.execute(sa.select(Thing.label, sa.func.count()).group_by(Thing.label).having(sa.func.count() > 1)).all())


@chapter("savepoints")
def savepoints():
    with fresh() as engine, orm.Session(engine, future=True) as session:
        session.add(Owner(name="outer"))
        nested = session.begin_nested()
        session.add(Owner(name="given up"))
        session.flush()
        nested.rollback()
        with session.begin_nested():
            session.add(Owner(name="kept"))
            with contextlib.suppress(ZeroDivisionError), session.begin_nested():
                session.add(Owner(name="given up too"))
                session.flush()
                raise ZeroDivisionError
        refused("a name twice in a savepoint", lambda: in_savepoint(session, Owner(name="kept")))
        session.commit()
        say("names", session.scalars(sa.select(Owner.name).order_by(Owner.id)).all())


def in_savepoint(session, added):
    with session.begin_nested():
        session.add(added)
        session.flush()


@chapter("levels of isolation")
def isolation():
    with fresh() as engine:
        with orm.Session(engine) as session:
            session.add(Owner(name="first"))
            session.commit()
        for level in ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
            say("level", level)
            with engine.connect().execution_options(isolation_level=level) as one, engine.connect() as two:
                say("in force", one.get_isolation_level())
                with one.begin():
                    names = sa.select(Owner.name).order_by(Owner.id)
                    say("before", one.execute(names).scalars().all())
                    if level != "SERIALIZABLE":
                        with two.begin():
                            two.execute(sa.insert(Owner.__table__).values(name=level, version=1))
                            say("uncommitted", one.execute(names).scalars().all())
                        say("committed", one.execute(names).scalars().all())
            with engine.connect() as three:
                say("the next who has the connection", three.get_isolation_level())
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as one, engine.connect() as two:
            one.execute(sa.update(Owner.__table__).values(version=7))
            say("seen at once", two.execute(sa.select(Owner.version)).scalars().all())


@chapter("rows that are locked")
def locks():
    with fresh() as engine:
        with orm.Session(engine) as session:
            session.add_all([Owner(name=name) for name in ("a", "b", "c")])
            session.commit()
        with orm.Session(engine) as one, orm.Session(engine) as two:
            two.execute(sa.text("SET SESSION innodb_lock_wait_timeout = 1"))
            first = sa.select(Owner).where(Owner.id == 1)
            say("locked", one.scalars(first.with_for_update()).one().name)
            refused("at once", lambda: two.scalars(first.with_for_update(nowait=True)).one())
            two.rollback()
            say("the others", [owner.name for owner in two.scalars(sa.select(Owner).order_by(Owner.id).with_for_update(skip_locked=True))])
            two.rollback()
            refused("in time", lambda: two.scalars(first.with_for_update(read=True)).one())
            two.rollback()
            joined = sa.select(Owner).outerjoin(Thing).where(Owner.id == 2).with_for_update(of=Owner)
            say("of one table", two.scalars(joined).one().name)
            two.rollback()
            waiting = in_background(lambda: raise_version(engine))
            one.execute(sa.update(Owner).where(Owner.id == 1).values(name="changed").execution_options(synchronize_session=False))
            one.commit()
            kind, _ = waiting(60)
            say("the one that waited", kind)
            say("both changes are there", two.execute(sa.text("SELECT name, version FROM owners WHERE id = 1")).all())


def raise_version(engine):
    """Without the engine's listeners: what happens in another thread is not told in any order."""
    quiet = sa.create_engine(engine.url)
    with quiet.begin() as connection:
        connection.execute(sa.text("UPDATE owners SET version = version + 10 WHERE id = 1"))
    quiet.dispose()


@chapter("versions of rows")
def versions():
    with fresh() as engine:
        with orm.Session(engine) as session:
            session.add(Owner(name="a"))
            session.commit()
        with orm.Session(engine) as one, orm.Session(engine) as two:
            mine, yours = one.get(Owner, 1), two.get(Owner, 1)
            mine.name, yours.name = "mine", "yours"
            one.commit()
            refused("a version that is no more", two.commit)
            two.rollback()
            say("the one that came first", two.get(Owner, 1).name, two.get(Owner, 1).version)


@chapter("a deadlock")
def deadlock():
    with fresh() as engine:
        with orm.Session(engine) as session:
            session.add_all([Owner(name=name) for name in ("a", "b")])
            session.commit()
        quiet = sa.create_engine(engine.url)
        with quiet.connect() as heavy, quiet.connect() as light:
            heavy.begin()
            heavy.execute(sa.text("INSERT INTO written (what) SELECT word FROM numbers WHERE n <= 50"))
            heavy.execute(sa.text("UPDATE owners SET version = 1 WHERE id = 1"))
            lighter = light.begin()
            light.execute(sa.text("UPDATE owners SET version = 2 WHERE id = 2"))
            waiting = in_background(lambda: heavy.execute(sa.text("UPDATE owners SET version = 1 WHERE id = 2")).rowcount)
            refused("the lighter one", lambda: light.execute(sa.text("UPDATE owners SET version = 2 WHERE id = 1")))
            lighter.rollback()
            say("the heavier one", waiting(60))
        quiet.dispose()


@chapter("two phases")
def two_phases():
    """The numbers of such transactions are random, so their statements are not shown."""
    with fresh() as engine:
        quiet = sa.create_engine(engine.url)
        for ending in ("commit", "rollback", "commit without prepare"):
            with quiet.connect() as connection:
                transaction = connection.begin_twophase()
                connection.execute(sa.text("INSERT INTO owners (name, version) VALUES (:name, 1)"), {"name": ending})
                if ending != "commit without prepare":
                    transaction.prepare()
                attempt(ending, getattr(transaction, ending.split()[0]))
        with quiet.connect() as connection:
            say("names", connection.execute(sa.text("SELECT name FROM owners ORDER BY id")).scalars().all())
        quiet.dispose()


@chapter("the pool")
def pooling():
    with fresh():
        quiet = sa.create_engine(new_engine().url, pool_size=2, max_overflow=0, pool_pre_ping=True)
        with quiet.connect() as connection:
            connection.execute(sa.text("INSERT INTO owners (name, version) VALUES ('left behind', 1)"))
            connection.execute(sa.text("SET @left = 'behind'"))
            number = connection.execute(sa.text("SELECT CONNECTION_ID()")).scalar()
        with quiet.connect() as connection:
            claim("it is the same connection", number == connection.execute(sa.text("SELECT CONNECTION_ID()")).scalar())
            say("rolled back on return", connection.execute(sa.text("SELECT COUNT(*), @left FROM owners")).all())
        with quiet.connect() as one, quiet.connect() as two:
            killed = two.execute(sa.text("SELECT CONNECTION_ID()")).scalar()
            one.execute(sa.text(f"KILL {killed}"))
            lost = repeat_until_done(in_background(lambda: until_lost(two)), lambda: None)
            say("the error of a killed connection means so", lost)
        with quiet.connect() as one, quiet.connect() as two:
            say("and others come in its place", [c.execute(sa.text("SELECT 1")).scalar() for c in (one, two)])
        wrong = 0
        for n in range(40):
            with quiet.connect() as reader:
                with quiet.begin() as writer:
                    written = writer.execute(sa.text("INSERT INTO owners (name, version) VALUES (:n, 1)"), {"n": str(n)}).lastrowid
                wrong += reader.execute(sa.text("SELECT name FROM owners WHERE id = :id"), {"id": written}).scalar() != str(n)
        say("writes that another connection did not see at once", wrong)
        quiet.dispose()


def until_lost(connection):
    try:
        for _ in range(2000):
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.DBAPIError as error:
        return error.connection_invalidated
    return "it never ended"


if __name__ == "__main__":
    observe.main()
