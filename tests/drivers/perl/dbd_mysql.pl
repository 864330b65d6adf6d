# DBD::mysql on top of MariaDB's C connector: statements that it fills in itself, and ones that the server prepares.
use strict;
use warnings;
use utf8;

use DBI qw(:sql_types);
use Digest::SHA qw(sha256_hex);
use Encode qw(encode);
use Time::HiRes qw(sleep);

binmode STDOUT, ':raw';
$| = 1;

my %env = map { /^DRIVERS_(.*)/ ? ($1 => $ENV{$_}) : () } keys %ENV;
my $shown = 300;
my $all_bytes = join '', map { chr } 0 .. 255;

# Text that is hard to quote, to escape, or to count.
my @hard_texts = (
  '', ' ', "'", '"', '\\', "\\'", "''", '%s', '%', '?', "a\0b", "line\r\nbreak\x1a", '-- no comment', '/* nor */ this', 'é',
  '日本', '🐬', ';', '`', '$$', '{}', ':name', 'NULL', '0',
);

# ---- Chapters and printing ----

my %only = map { $_ => 1 } @ARGV;

# What a chapter dies of does not keep the others from running.
sub chapter {
  my ($title, $act) = @_;
  return if %only && !$only{$title};
  out("== $title");
  eval { $act->(); 1 } or out('!! ended early: ' . show("$@"));
}

# What the driver complains about is part of what is compared.
$SIG{__WARN__} = sub { out('    Perl says ' . show(without_place($_[0]))) };

sub out { print encode('UTF-8', $_[0]), "\n" }

sub say_values {
  my ($label, @values) = @_;
  out("$label: " . join ', ', map { show($_) } @values);
}

# A line for a value that rightly differs from run to run: what is said of it must not differ.
sub claim { out("$_[0]: " . ($_[1] ? 'yes' : 'no')) }

sub show {
  my ($value) = @_;
  return 'NULL' if !defined $value;
  if (ref $value eq 'ARRAY') { return '[' . join(', ', map { show($_) } @$value) . ']' }
  if (ref $value eq 'HASH') { return '{' . join(', ', map { "$_: " . show($value->{$_}) } sort keys %$value) . '}' }
  return ref $value if ref $value;
  my $bytes = encode('UTF-8', $value);
  if (length $bytes > $shown) { return 'text of ' . length($value) . ', sha256 ' . substr sha256_hex($bytes), 0, 16 }
  $value =~ s/([^ -~]|[\\"])/sprintf '\\x{%x}', ord $1/ge;
  return "\"$value\"";
}

sub shorten {
  my ($sql) = @_;
  $sql =~ s/([\r\n\0])/sprintf '\\x%02x', ord $1/ge;
  return length $sql <= 2 * $shown ? $sql : substr($sql, 0, $shown) . ' ... ' . show($sql);
}

sub without_place {
  my ($text) = @_;
  $text =~ s/ at \S+ line \d+.*//s;
  $text =~ s/(::db handle) host=.*/$1/;
  return $text;
}

sub describe {
  my ($handle) = @_;
  return sprintf '%s (%s) %s', $handle->err // 0, $handle->state, show($handle->errstr);
}

# Prints what the act gives, or what it dies of. Returns what it gives.
sub attempt {
  my ($label, $act) = @_;
  my $result;
  if (eval { $result = $act->(); 1 }) {
    out("$label: " . show($result));
    return $result;
  }
  out("$label: error " . (defined $DBI::err ? "$DBI::err ($DBI::state) " . show($DBI::errstr) : show(without_place("$@"))));
  return undef;
}

# The statements of scripts/NAME.sql as [session, statement]: `one`, unless the line says `two>`.
sub script {
  my ($name) = @_;
  my %placeholders = (schema => $env{SCHEMA}, newline => "\n", nothing => '', space => ' ');
  open my $file, '<:encoding(UTF-8)', "$env{SCRIPTS}/$name.sql" or die "$name: $!";
  my @statements;
  while (my $line = <$file>) {
    chomp $line;
    next if $line eq '' || $line =~ /^--/;
    my $session = $line =~ s/^two> // ? 'two' : 'one';
    $line =~ s/\{(schema|newline|nothing|space)\}/$placeholders{$1}/g;
    push @statements, [$session, $line];
  }
  return @statements;
}

# ---- Connections and statements ----

# Options: user, password, schema, and whatever DBD::mysql takes in the name of the data source or as attributes.
sub connection {
  my (%options) = @_;
  my $schema = exists $options{schema} ? delete $options{schema} : $env{SCHEMA};
  my $user = delete $options{user} // $env{USER};
  my $password = delete $options{password} // $env{PASSWORD};
  my $tls = delete $options{tls} // 1;
  my %attributes = (
    RaiseError => 1, PrintError => 0, AutoCommit => 1, mysql_enable_utf8mb4 => 1, mysql_connect_timeout => 30,
    mysql_read_timeout => 120, mysql_auto_reconnect => 0, mysql_multi_statements => 0, %options,
  );
  my $source = "DBI:mysql:host=$env{HOST};port=$env{PORT}" . (defined $schema ? ";database=$schema" : '');
  if ($tls) { $source .= ";mysql_ssl=1;mysql_ssl_optional=1;mysql_ssl_ca_file=$env{CA}" }
  for my $name (grep { /^mysql_(local_infile|compression|init_command|client_found_rows|server_prepare|use_result)$/ } keys %attributes) {
    my $value = delete $attributes{$name};
    if ($name eq 'mysql_init_command') { $attributes{$name} = $value; next }
    $source .= ";$name=$value";
  }
  return DBI->connect($source, $user, $password, \%attributes);
}

sub value {
  my ($connection, $sql, @parameters) = @_;
  return ($connection->selectrow_array($sql, undef, @parameters))[0];
}

my @column_attributes = qw(
  NAME TYPE PRECISION SCALE NULLABLE mysql_type_name mysql_table mysql_length mysql_is_blob mysql_is_key mysql_is_num
  mysql_is_pri_key mysql_is_auto_increment
);

# Prints all results of an executed statement.
sub tell_results {
  my ($connection, $statement) = @_;
  do {
    my $columns = $statement->{NUM_OF_FIELDS} // 0;
    if ($columns > 0) {
      for my $attribute (@column_attributes) { out("    $attribute " . show($statement->{$attribute})) }
      my $rows = $statement->fetchall_arrayref;
      out('    row ' . show($_)) for @$rows;
    }
    out(sprintf '    rows %s, insert id %s, warnings %s, info %s', $statement->rows, show($statement->{mysql_insertid}),
      show($statement->{mysql_warning_count}), show($connection->{mysql_info}));
  } while ($statement->more_results);
}

sub tell_one {
  my ($connection, $sql, @parameters) = @_;
  out('> ' . shorten($sql) . (@parameters ? ' with ' . show(\@parameters) : ''));
  my $statement = eval {
    my $prepared = $connection->prepare($sql);
    $prepared->execute(@parameters);
    tell_results($connection, $prepared);
    1;
  };
  out('    error ' . describe($connection)) if !$statement;
}

sub tell_all {
  my ($connection, @statements) = @_;
  tell_one($connection, $_) for @statements;
}

sub play {
  my ($name, %options) = @_;
  my %sessions = (one => connection(%options), two => connection(%options));
  for (script($name)) {
    my ($session, $sql) = @$_;
    print "$session ";
    tell_one($sessions{$session}, $sql);
  }
}

sub is_lost {
  my ($act) = @_;
  return 0 if eval { $act->(); 1 };
  # An end without TLS's farewell is 2026.
  return scalar grep { ($DBI::err // 0) == $_ } 1053, 1317, 2006, 2013, 2026, 4031;
}

# ---- The chapters ----

chapter 'connecting' => sub {
  # The C connector sends a password that no cache knows over TLS alone; after that it goes without.
  for my $user ($env{USER}, $env{OTHER_USER}) {
    for my $tls (1, 1, 0) {
      my $connection = connection(user => $user, tls => $tls);
      tell_one($connection, 'SELECT DATABASE(), CURRENT_USER(), @@autocommit, @@character_set_client');
      say_values('server', map { $connection->{$_} } qw(mysql_serverinfo mysql_serverversion mysql_protoinfo));
      claim("the server's version is \@\@version", value($connection, 'SELECT @@version') eq $connection->{mysql_serverinfo});
      claim("the driver's number is the server's", value($connection, 'SELECT CONNECTION_ID()') == $connection->{mysql_thread_id});
      $connection->disconnect;
    }
  }
  my $connection = connection(schema => undef);
  tell_all($connection, 'SELECT DATABASE()', 'SELECT * FROM numbers', "USE $env{SCHEMA}", 'SELECT DATABASE(), COUNT(*) FROM numbers');
  tell_one(connection(mysql_init_command => 'SET SESSION group_concat_max_len = 1234'), 'SELECT @@group_concat_max_len');
  tell_one(connection(mysql_client_found_rows => $_), 'UPDATE accounts SET owner = owner WHERE id <= 3') for 0, 1;
  tell_one(connection(AutoCommit => 0), 'SELECT @@autocommit');
  attempt('a wrong password', sub { connection(password => 'wrong') });
  attempt('a wrong password without TLS', sub { connection(password => 'wrong', tls => 0) });
  attempt('no password', sub { connection(password => '') });
  attempt('an unknown user', sub { connection(user => 'nobody_at_all') });
  attempt('an unknown schema', sub { connection(schema => "$env{SCHEMA}_none") });
  attempt('a schema without rights', sub { connection(schema => 'mysql') });
};

for my $name (qw(expressions writes warnings errors diagnostics privileges procedures transactions isolation locks session sql_modes character_sets metadata names_of_clients)) {
  chapter "script $name" => sub { play($name) };
}
chapter 'script several' => sub { play('several', mysql_multi_statements => 1) };
for my $name (qw(expressions writes warnings errors transactions session)) {
  # Where a statement cannot be prepared the driver sends it as text.
  chapter "script $name, prepared" => sub { play($name, mysql_server_prepare => 1) };
}

chapter 'every type' => sub {
  for my $prepared (0, 1) {
    my $connection = connection(mysql_server_prepare => $prepared);
    my $columns = $connection->selectcol_arrayref('SHOW COLUMNS FROM types');
    for my $column (@$columns) {
      my $statement = $connection->prepare("SELECT $column FROM types WHERE id > ? ORDER BY id");
      $statement->execute(0);
      out("$column: " . join ', ', map { "$_ " . show($statement->{$_}[0]) } @column_attributes);
      out('    ' . show($_)) for map { $_->[0] } @{ $statement->fetchall_arrayref };
    }
    tell_one($connection, 'SELECT data FROM all_bytes');
    tell_one($connection, 'SELECT * FROM zero_dates ORDER BY id');
    attempt('a newer type', sub { $connection->selectall_arrayref('SELECT id, note FROM newer_types') });
  }
};

chapter 'parameters' => sub {
  for my $prepared (0, 1) {
    my $connection = connection(mysql_server_prepare => $prepared);
    $connection->do('CREATE TABLE texts (id INT PRIMARY KEY, t TEXT, b BLOB)');
    my $insert = $connection->prepare('INSERT INTO texts VALUES (?, ?, ?)');
    my $find = $connection->prepare('SELECT t, LENGTH(t), HEX(b) FROM texts WHERE id = ?');
    for my $id (0 .. $#hard_texts) {
      my $text = $hard_texts[$id];
      $insert->execute($id, $text, $text);
      $find->execute($id);
      my $row = $find->fetchrow_arrayref;
      claim(show($text) . ' comes back as it went', $row->[0] eq $text);
      $find->finish;
      say_values('quoted by the driver', $connection->quote($text), value($connection, 'SELECT HEX(' . $connection->quote($text) . ')'));
    }
    $insert->bind_param(1, 1000, SQL_INTEGER);
    $insert->bind_param(2, undef);
    $insert->bind_param(3, $all_bytes, SQL_BLOB);
    $insert->execute;
    claim('all bytes come back', value($connection, 'SELECT b FROM texts WHERE id = 1000') eq $all_bytes);
    tell_one($connection, 'SELECT ?, ?, ?, ?', undef, 42, 1.5, 'é🐬');
    my $typed = $connection->prepare('SELECT ?, ?, ? FROM numbers ORDER BY n LIMIT ?');
    $typed->bind_param(1, 7, SQL_INTEGER);
    $typed->bind_param(2, 1.25, SQL_DOUBLE);
    $typed->bind_param(3, '007', SQL_VARCHAR);
    $typed->bind_param(4, 2, SQL_INTEGER);
    $typed->execute;
    say_values('typed', $typed->fetchall_arrayref);
    attempt('too few parameters', sub { $find->execute });
    attempt('a row that is there twice', sub { $insert->execute(1, 'x', 'x') });
    my @status;
    my $number = $connection->prepare('INSERT INTO counted (n, note) VALUES (?, ?)');
    attempt('execute_array', sub { $number->execute_array({ ArrayTupleStatus => \@status }, [70 .. 75, 70], 'many') });
    say_values('tuples', map { ref $_ ? $_->[0] : $_ } @status);
    say_values('last ids', $connection->{mysql_insertid}, $connection->last_insert_id(undef, undef, 'counted', 'id'));
    $connection->do('TRUNCATE counted');
    $connection->do('ALTER TABLE texts ADD extra INT');
    attempt('after ALTER', sub { $find->execute(1); $find->fetchall_arrayref });
    $connection->do('DROP TABLE texts');
    attempt('after DROP', sub { $find->execute(1) });
  }
};

chapter 'quoting follows sql_mode' => sub {
  for my $mode ('', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES') {
    my $connection = connection();
    $connection->do("SET SESSION sql_mode = '$mode'");
    for my $text (@hard_texts) {
      my $quoted = $connection->quote($text);
      say_values("in '$mode'", $quoted, scalar eval { value($connection, "SELECT HEX($quoted)") } // describe($connection));
    }
    tell_one($connection, 'SELECT ?, HEX(?)', "it's", '\\');
  }
};

chapter 'rows as they come' => sub {
  # With the C connector that it is built on here, the driver cannot do this for statements of the server.
  my $connection = connection();
  $connection->do('SET cte_max_recursion_depth = 100000');
  my $many = "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT n, REPEAT('x', 90) FROM c";
  my $statement = $connection->prepare($many, { mysql_use_result => 1 });
  $statement->execute(5000);
  my $count = 0;
  $count++ while $statement->fetchrow_arrayref;
  say_values('all', $count);
  $statement = $connection->prepare($many, { mysql_use_result => 1 });
  $statement->execute(20000);
  say_values('the first', $statement->fetchrow_arrayref->[0]);
  $statement->finish;
  attempt('after an early end', sub { value($connection, "SELECT 'goes on'") });
  my $wrong = $connection->prepare(
    'SELECT n, IF(n < 500, n, (SELECT n FROM numbers UNION SELECT 1)) FROM numbers ORDER BY n', { mysql_use_result => 1 }
  );
  attempt('an error in the middle', sub { $wrong->execute; scalar @{ $wrong->fetchall_arrayref } });
  undef $wrong;
  attempt('after it', sub { value($connection, 'SELECT 1') });
  $statement = $connection->prepare('SELECT n, word FROM numbers WHERE n <= 3 ORDER BY n');
  $statement->execute;
  say_values('by name', $statement->fetchall_hashref('n'));
};

chapter 'transactions as the driver has them' => sub {
  my $connection = connection(AutoCommit => 0);
  my $other = connection();
  $connection->do("INSERT INTO accounts VALUES (40, 'x', 1)");
  say_values('another sees', value($other, 'SELECT COUNT(*) FROM accounts'));
  attempt('rollback', sub { $connection->rollback });
  say_values('after it', value($connection, 'SELECT COUNT(*) FROM accounts'));
  $connection->{AutoCommit} = 1;
  tell_one($connection, 'SELECT @@autocommit');
  attempt('begin_work', sub { $connection->begin_work });
  attempt('begin_work again', sub { $connection->begin_work });
  $connection->do("INSERT INTO accounts VALUES (40, 'x', 1)");
  attempt('commit', sub { $connection->commit });
  attempt('commit outside', sub { $connection->commit });
  say_values('another sees', value($other, 'SELECT COUNT(*) FROM accounts'));
  $connection->do('DELETE FROM accounts WHERE id = 40');
};

chapter 'statements that run on their own' => sub {
  my ($light, $heavy) = (connection(), connection());
  # The server gives up the transaction that has changed less, whoever closes the circle.
  tell_all($heavy, 'BEGIN', 'INSERT INTO written (what) SELECT word FROM numbers WHERE n <= 50', 'UPDATE accounts SET balance = 1 WHERE id = 1');
  tell_all($light, 'BEGIN', 'UPDATE accounts SET balance = 2 WHERE id = 2');
  my $waiting = $heavy->prepare('UPDATE accounts SET balance = 1 WHERE id = 2', { async => 1 });
  $waiting->execute;
  tell_one($light, 'UPDATE accounts SET balance = 2 WHERE id = 1');
  attempt('the other', sub { finish($waiting) });
  tell_all($heavy, 'COMMIT', 'SELECT id, balance FROM accounts ORDER BY id', 'DELETE FROM written');
};

# Acts until the statement has ended; returns its result.
sub finish {
  my ($statement, $meanwhile) = @_;
  for (1 .. 1200) {
    $meanwhile->() if $meanwhile;
    return $statement->mysql_async_result if $statement->mysql_async_ready;
    sleep 0.05;
  }
  die "the statement has not ended within a minute\n";
}

chapter 'killing' => sub {
  my ($victim, $killer) = (connection(), connection());
  my $number = $victim->{mysql_thread_id};
  my $waiting = $victim->prepare('SELECT COUNT(*) FROM numbers WHERE SLEEP(60)', { async => 1 });
  $waiting->execute;
  # The statement may not have begun yet, and killing what does not run does nothing.
  attempt('a read that is killed', sub { finish($waiting, sub { $killer->do("KILL QUERY $number") }) });
  undef $waiting;
  tell_one($victim, "SELECT 'the connection goes on'");
  attempt('killing the connection', sub { $killer->do("KILL $number") });
  claim('it is lost', is_lost(sub { value($victim, 'SELECT 1') for 1 .. 2000 }));
  claim('it does not answer a ping', !$victim->ping);
  # A server takes it off its list a moment after the connection was lost.
  attempt('killing it again', sub {
    for (1 .. 2000) { last unless eval { $killer->do("KILL $number"); 1 } }
    [$killer->err, $killer->state];
  });
};

chapter 'a connection that the driver makes again' => sub {
  my $connection = connection(mysql_auto_reconnect => 1);
  my $killer = connection();
  my $number = $connection->{mysql_thread_id};
  $connection->do('SET @v = 1');
  $killer->do("KILL $number");
  for (1 .. 2000) {
    last if $connection->{mysql_thread_id} != $number;
    eval { value($connection, 'SELECT 1') };
  }
  claim('it has another number', $connection->{mysql_thread_id} != $number);
  tell_all($connection, 'SELECT @v, DATABASE(), CURRENT_USER()');
};

chapter 'commands of the protocol' => sub {
  my $connection = connection();
  attempt('ping', sub { $connection->ping });
  claim('stat speaks of threads and questions', $connection->{mysql_stat} =~ /^Uptime: \d+  Threads: \d+  Questions: \d+ .*Queries per second/);
  attempt('tables', sub { [sort map { s/.*\.//r } $connection->tables(undef, $env{SCHEMA}, '%', 'TABLE')] });
  attempt('table_info', sub { $connection->table_info(undef, $env{SCHEMA}, '%numbers', 'TABLE,VIEW')->fetchall_arrayref });
  attempt('column_info', sub { $connection->column_info(undef, $env{SCHEMA}, 'children', '%')->fetchall_arrayref });
  attempt('primary_key', sub { [$connection->primary_key(undef, $env{SCHEMA}, 'children')] });
  attempt('foreign_key_info', sub { $connection->foreign_key_info(undef, undef, undef, undef, $env{SCHEMA}, 'children')->fetchall_arrayref });
  attempt('statistics_info', sub { [map { [@$_[2 .. 8]] } @{ $connection->statistics_info(undef, $env{SCHEMA}, 'children', 0, 1)->fetchall_arrayref }] });
  attempt('type_info', sub { [map { [$_->{TYPE_NAME}, $_->{DATA_TYPE}] } $connection->type_info(SQL_VARCHAR)] });
  attempt('get_info', sub { [map { $connection->get_info($_) } 17, 18, 29] });
};

chapter 'big values and files' => sub {
  for my $prepared (0, 1) {
    my $connection = connection(mysql_server_prepare => $prepared, mysql_local_infile => 1);
    for my $size (65535, 1 << 20, 17 << 20) {
      attempt("text of $size", sub { value($connection, 'SELECT LENGTH(?)', 'x' x $size) });
    }
    my $data = $all_bytes x (1 << 12);
    my $insert = $connection->prepare('REPLACE INTO blobs VALUES (1, ?)');
    $insert->bind_param(1, $data, SQL_BLOB);
    $insert->execute;
    $connection->{LongReadLen} = 1 << 21;
    claim('a blob of 1 MiB comes back', value($connection, 'SELECT data FROM blobs WHERE id = 1') eq $data);
    my $path = "$env{FOLDER}/rows.tsv";
    open my $file, '>:encoding(UTF-8)', $path or die $!;
    print $file "$_\ttext é $_\t$_.25\n" for 1 .. 1000;
    close $file;
    my $load = "LOAD DATA LOCAL INFILE '$path' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4";
    tell_all($connection, $load, 'SELECT COUNT(*), SUM(id), SUM(d), MAX(t) FROM loaded', $load =~ s/rows/missing/r);
    tell_one(connection(mysql_server_prepare => $prepared, mysql_local_infile => 0), $load);
  }
};

chapter 'compression' => sub {
  if (!$env{COMPRESSION}) {
    out('one of the two does not offer it');
    return;
  }
  for my $tls (0, 1) {
    for my $prepared (0, 1) {
      my $connection = connection(mysql_compression => 1, tls => $tls, mysql_server_prepare => $prepared);
      out('compression is used');
      tell_all($connection, 'SELECT n, word FROM numbers ORDER BY n', 'SELECT * FROM no_such_table');
      tell_all($connection, 'CALL several_results(2)');
      for my $size (40, 60, 255, 65535, 1 << 20, 17 << 20) {
        my $text = 'compress ' x int($size / 9);
        claim("text of $size", value($connection, 'SELECT ?', $text) eq $text);
      }
    }
  }
};

out('the end');
