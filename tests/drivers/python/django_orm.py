"""Django over mysqlclient: its transactions and its locks, and every statement that it makes of them."""

import datetime
import decimal
import re
import sys
from pathlib import Path

import django
from django.conf import settings

import observe
from observe import SCHEMA, attempt, chapter, in_background, say, show

DATABASE = {
    "ENGINE": "django.db.backends.mysql", "HOST": observe.HOST, "PORT": str(observe.PORT), "USER": observe.USER,
    "PASSWORD": observe.PASSWORD, "NAME": SCHEMA, "CONN_MAX_AGE": None,
    # The C connector sends a password that no cache knows over TLS alone.
    "OPTIONS": {"charset": "utf8mb4", "ssl": {"ca": observe.CA}, "connect_timeout": 30},
}
settings.configure(
    DATABASES={
        "default": DATABASE,
        "other": {**DATABASE, "OPTIONS": {**DATABASE["OPTIONS"], "isolation_level": "repeatable read"}},
    },
    USE_TZ=True, TIME_ZONE="UTC", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.apps import AppConfig, apps  # noqa: E402
from django.db import DatabaseError, IntegrityError, connection, connections, models, transaction  # noqa: E402
from django.db.models import Avg, Count, F, Max, Q, Sum  # noqa: E402


class Author(models.Model):
    name = models.CharField(max_length=40, unique=True)
    born = models.DateField(null=True)
    balance = models.DecimalField(max_digits=10, decimal_places=2, default=0)

    class Meta:
        app_label = "drivers"
        constraints = [models.CheckConstraint(check=Q(balance__gte=-100), name="not_too_poor")]


class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    title = models.CharField(max_length=100, db_index=True)
    published = models.DateTimeField(null=True)
    data = models.JSONField(default=dict)
    cover = models.BinaryField(default=b"")
    length = models.DurationField(default=datetime.timedelta(minutes=5))

    class Meta:
        app_label = "drivers"


MODELS = (Author, Book)


class Drivers(AppConfig):
    """Makes this file an application, so that relations are known from both sides."""

    name = label = "drivers"
    path = str(Path(__file__).parent)


apps.app_configs["drivers"] = Drivers("drivers", sys.modules[__name__])
apps.app_configs["drivers"].apps = apps
apps.app_configs["drivers"].import_models()
apps.clear_cache()


class fresh:
    """The tables, with nothing in them; and every statement is printed."""

    def __enter__(self):
        with connection.schema_editor() as editor:
            for model in MODELS:
                editor.create_model(model)
        self.printing = connection.execute_wrapper(print_statement)
        self.printing.__enter__()

    def __exit__(self, *error):
        self.printing.__exit__(*error)
        with connection.schema_editor() as editor:
            for model in reversed(MODELS):
                editor.delete_model(model)


def print_statement(execute, sql, parameters, many, context):
    # A savepoint's name has the number of the thread, which rightly differs.
    shown = re.sub(r"`s\d+_x(\d+)`", r"`savepoint \1`", sql)
    print(f"    > {observe.shorten(shown)} with {show(parameters)}")
    return execute(sql, parameters, many, context)


def refused(label, act):
    try:
        act()
        say(label, "nothing is refused")
    except (DatabaseError, transaction.TransactionManagementError) as error:
        print(f"{label}: {observe.describe(error)}")


def names(using="default"):
    return list(Author.objects.using(using).order_by("id").values_list("name", flat=True))


@chapter("what it finds out about the server")
def features():
    for name in (
        "mysql_version", "mysql_is_mariadb", "sql_mode", "lower_case_table_names", "mysql_server_data",
    ):
        if hasattr(connection, name):
            attempt(name, lambda name=name: getattr(connection, name))
    for name in sorted(dir(connection.features)):
        if name.startswith(("supports_", "has_", "can_", "is_", "uses_")):
            attempt(name, lambda name=name: getattr(connection.features, name))


@chapter("tables as it finds them")
def introspection():
    with fresh(), connection.cursor() as cursor:
        found = connection.introspection
        say("tables", sorted((table.name, table.type) for table in found.get_table_list(cursor)))
        for table in ("drivers_book", "drivers_author", "children"):
            for column in found.get_table_description(cursor, table):
                say(table, tuple(column))
            constraints = found.get_constraints(cursor, table)
            say("constraints", {name: constraints[name] for name in sorted(constraints)})
            say("relations", found.get_relations(cursor, table))


@chapter("objects that are written, changed and deleted")
def objects():
    with fresh():
        ann = Author.objects.create(name="ann", born=datetime.date(1990, 2, 28), balance=decimal.Decimal("10.50"))
        say("id", ann.pk)
        Book.objects.create(
            author=ann, title="Über 🐬", data={"a": [1, None, "é"], "b": {"c": True}}, cover=observe.ALL_BYTES,
            published=datetime.datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=datetime.timezone.utc),
        )
        book = Book.objects.get(data__b__c=True)
        say("comes back", book.title, book.data, bytes(book.cover) == observe.ALL_BYTES, book.published, book.length)
        Author.objects.filter(pk=ann.pk).update(balance=F("balance") * 2)
        ann.refresh_from_db()
        say("doubled", ann.balance)
        for _ in range(2):
            say("got or created", Author.objects.get_or_create(name="bob")[1])
            say("updated or created", Author.objects.update_or_create(name="cem", defaults={"balance": 5})[1])
        made = Author.objects.bulk_create([Author(name=f"author {n}") for n in range(200)], batch_size=70)
        say("made", len(made))
        Author.objects.bulk_create([Author(name="ann"), Author(name="new")], ignore_conflicts=True)
        say("how many", Author.objects.count(), Author.objects.filter(name__startswith="author 1").exists())
        say("sums", Author.objects.aggregate(Sum("balance"), Avg("balance"), Max("name"), Count("books")))
        say("streamed", sum(1 for _ in Author.objects.all().iterator(chunk_size=50)))
        say("by month", list(Book.objects.datetimes("published", "month")))
        say("by name", {name: found.balance for name, found in sorted(Author.objects.in_bulk(["ann", "bob"], field_name="name").items())})
        say("together", sorted(Author.objects.filter(pk__lte=2).values_list("name").union(Author.objects.filter(name="cem").values_list("name"))))
        say("deleted", ann.delete(), Book.objects.count())
        refused("a name twice", lambda: Author.objects.create(name="bob"))
        refused("against a check", lambda: Author.objects.create(name="poor", balance=-101))
        refused("too long", lambda: Author.objects.create(name="x" * 41))
        refused("without an author", lambda: insert_orphan())


def insert_orphan():
    with transaction.atomic():
        Book.objects.create(author_id=99999, title="orphan")


@chapter("transactions")
def transactions():
    with fresh():
        done = []
        with transaction.atomic():
            Author.objects.create(name="outer")
            transaction.on_commit(lambda: done.append("outer"))
            with attempt_block(), transaction.atomic():
                Author.objects.create(name="inner")
                transaction.on_commit(lambda: done.append("inner"))
                raise ZeroDivisionError
            with transaction.atomic():
                Author.objects.create(name="kept")
            say("seen from within", names(), "from without", names("other"))
        say("committed", names("other"), done)
        refused("an error spoils the block", spoilt)
        say("nothing of it", names())
        with transaction.atomic():
            Author.objects.create(name="given up")
            transaction.set_rollback(True)
        say("given up", names())
        sid = None
        with transaction.atomic():
            Author.objects.create(name="first")
            sid = transaction.savepoint()
            Author.objects.create(name="second")
            transaction.savepoint_rollback(sid)
            third = transaction.savepoint()
            Author.objects.create(name="third")
            transaction.savepoint_commit(third)
        say("savepoints by hand", names())
        transaction.set_autocommit(False)
        Author.objects.create(name="by hand")
        say("not yet", names("other"))
        transaction.rollback()
        Author.objects.create(name="by hand again")
        transaction.commit()
        transaction.set_autocommit(True)
        say("by hand", names("other"), transaction.get_autocommit())
        with transaction.atomic(durable=True):
            Author.objects.create(name="durable")
        refused("durable inside another", durable_inside)


class attempt_block:
    """Lets a block fail in the way that it is meant to."""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        return kind is ZeroDivisionError


def spoilt():
    with transaction.atomic():
        try:
            Author.objects.create(name="outer")
        except IntegrityError as error:
            say("in the block", observe.describe(error))
        names()


def durable_inside():
    try:
        with transaction.atomic(), transaction.atomic(durable=True):
            pass
    except RuntimeError as error:
        raise DatabaseError(str(error)) from error


@chapter("levels of isolation")
def isolation():
    with fresh():
        Author.objects.create(name="before")
        with transaction.atomic("other"), transaction.atomic("default"):
            say("both", names("other"), names())
            with connections["other"].cursor() as cursor:
                cursor.execute("SELECT @@transaction_isolation")
                say("the other", cursor.fetchone())
            done = in_background(lambda: in_thread(lambda: Author.objects.create(name="meanwhile").name))(60)
            say("another thread writes", done)
            say("repeatable read does not see it", names("other"))
            say("read committed does", names())


def in_thread(act):
    """Django keeps connections by thread, and closes none when one ends."""
    try:
        return act()
    finally:
        connections.close_all()


@chapter("rows that are locked")
def locks():
    with fresh():
        Author.objects.bulk_create([Author(name=name) for name in ("a", "b", "c")])
        first = Author.objects.filter(name="a")
        refused("without a transaction", lambda: list(first.select_for_update()))
        with transaction.atomic():
            say("locked", first.select_for_update().get().name)
            say("at once", describe_outcome(in_background(lambda: in_thread(lambda: locked(nowait=True)))(60)))
            say("the others", describe_outcome(in_background(lambda: in_thread(lambda: locked(skip_locked=True)))(60)))
            say("in time", describe_outcome(in_background(lambda: in_thread(impatient))(60)))
        with transaction.atomic():
            book = Book.objects.create(author=first.get(), title="t")
            say("of one table", Book.objects.select_related("author").select_for_update(of=("self",)).get(pk=book.pk).author.name)
        counted = [in_background(lambda: in_thread(lambda: add_up(10))) for _ in range(3)]
        say("three who count", [wait(60) for wait in counted])
        say("have counted to", first.get().balance)


def locked(**options):
    with transaction.atomic():
        return [author.name for author in Author.objects.order_by("id").select_for_update(**options)]


def impatient():
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
    return locked()


def describe_outcome(outcome):
    kind, what = outcome
    return observe.describe(what) if kind == "raised" else what


def add_up(times):
    for _ in range(times):
        with transaction.atomic():
            author = Author.objects.select_for_update().get(name="a")
            author.balance += 1
            author.save()


@chapter("reading what was just written")
def own_writes():
    with fresh():
        wrong = 0
        for n in range(40):
            with transaction.atomic():
                written = Author.objects.create(name=f"n{n}").pk
            wrong += not Author.objects.using("other").filter(pk=written).exists()
        say("writes that the other connection did not see at once", wrong)
        connection.close()
        say("after reconnecting", Author.objects.count(), connection.is_usable())


if __name__ == "__main__":
    observe.main()
