/*
 * Terms, revocation and quorums: what must hold so that a fail-over loses no acknowledged write.
 *
 * model.py checks this model exhaustively with Spin, and checks that each rule that is broken on purpose is found.
 * docs/testing.md says how to run it, docs/decisions/ what it taught.
 *
 * How large the world is:
 *   NODES    2 to 5 members, of which the first is the primary of term 1
 *   TERMS    the last term that is fought for, at most 3
 *   WRITES   the longest history, at most 4
 *   K        acknowledgements that a write needs in the beginning, 1 or 2
 * What may happen besides writes, restarts and fail-overs:
 *   MEMBERS_CHANGE   members are removed, rebuilt and added
 *   K_CHANGES        K goes from 1 to 2 and back
 * Which rule is broken: one of the words of BROKEN, see below.
 *
 * What is left out, and why that hides no fault:
 *
 * - Cut links, lost messages, frozen and dead nodes. No action ever must happen, so whatever waits for a message that
 *   does not come is among the runs; a node that is down is one that does nothing until its restart.
 * - Messages under way. An acknowledgement counts when it is sent, which is the earliest that the client can hear of
 *   it; that it arrives later, or never, is easier on everybody else. A voter may receive what a primary wrote also
 *   when that primary is down. An answer to a revocation stays true for as long as the store has no new term, since
 *   whoever gave it receives nothing until then; so answers are looked up where they were given.
 * - Campaigns for other terms than the next one: who is behind fails at the store, and numbers that are left out only
 *   rename terms. Two campaigns for the same term are possible, the store decides between them.
 * - Leases and clocks. A primary opens for writes, or opens again, also long after it was deposed: safety must not
 *   rest on the lease. That stale reads are fenced by it is not modelled.
 * - What of the primary's own history is visible. Nothing here reads; crash recovery commits all that is in its binlog.
 * - Donors of clones. A clone is some prefix of the current primary's history; a rebuilt node starts with the empty one
 *   and receives from there, so it passes through all of them.
 * - Which node is which. Nothing refers to a node: sources are named by their term, of which there is one primary. So
 *   nodes are kept sorted after every step, and runs that differ in names only are looked at once. NAMED keeps the names,
 *   for a readable trail.
 */

#ifndef NODES
#define NODES 3
#endif
#ifndef TERMS
#define TERMS 3
#endif
#ifndef WRITES
#define WRITES 2
#endif
#ifndef K
#define K 1
#endif

#if K > 1 || defined(K_CHANGES)
#define TWO_ACKNOWLEDGEMENTS
#endif

/*
 * A history is a sequence of writes, each of which is the term of the primary that made it, in two bits, the oldest in
 * the lowest. A term has one primary, and that only ever appends, so equal places of equal terms are the same write.
 */
#define mask(history) \
  ((history) == 0 -> 0 : ((history) < 4 -> 3 : ((history) < 16 -> 15 : ((history) < 64 -> 63 : 255))))
#define length(history) (((history) > 0) + ((history) > 3) + ((history) > 15) + ((history) > 63))
#define first(count, history) ((history) & ((1 << (2 * (count))) - 1))
#define last(history) ((history) >> (2 * (length(history) - (length(history) > 0))))
#define is_within(one, other) (((other) & mask(one)) == (one))

/* Of a node in the store's list of members. Whoever leaves still counts, but may no longer acknowledge. */
#define NO_MEMBER 0
#define MEMBER 1
#define LEAVING 2

typedef Node {
  /* On disk. */
  byte history;           /* a primary's binlog; what a replica has executed or retrieved */
  unsigned executed : 3;  /* how many of them have been applied; always all on a primary */
  unsigned promised : 2;  /* it receives from no source of an older term */
  bit is_primary;         /* of `term`, perhaps deposed; else a replica of the primary of `term` */
  unsigned term : 2;      /* 0: a replica without a source */
  bit acknowledges;       /* a replica has semi-sync on: what it receives from now on, it acknowledges */
  unsigned acknowledged : 3; /* how many writes it has acknowledged to the primary of `term` */
  /* In memory. */
  bit on;                 /* a primary is writable, a replica's receiver runs */
  bit chosen;             /* it has seen that it may become primary, by the store's present revision */
  bit needs_two;          /* a primary waits for two acknowledgements, not for one */
  /* In the store, here for the sake of sorting. */
  unsigned listed : 2;
}

Node node[NODES];

/* The rest of the store. Its revision is not kept: whatever changes the store makes all others' views of it worthless. */
byte store_term;
byte store_k;

/* What each term's primary has written so far, including what it was promoted with. */
byte written[TERMS + 1];

/* For judging only: what clients were told of, and the highest term whose primary was ever writable. */
byte told;
byte opened;

#ifdef TWO_ACKNOWLEDGEMENTS
/* The most that a node had acknowledged to a primary before it went over to a later one. */
byte remembered[TERMS + 1];
#endif

/*
 * Used within one step only, and no part of a state. A breadth-first search cannot have such variables, so there they
 * are zero between steps. A step may not end with a loop or a choice, so it ends with this.
 */
#ifdef BREADTH_FIRST
#define scratch
#define done \
  i = 0; j = 0; count = 0; members = 0; largest = 0; second = 0; announced = 0; left_key = 0; right_key = 0; spare = 0
#else
#define scratch hidden
#define done i = 0
#endif
scratch byte i;
scratch byte j;
scratch byte count;
scratch byte members;
scratch byte largest;
scratch byte second;
scratch byte announced;
scratch byte spare;
scratch int left_key;
scratch int right_key;

/* ---- What must hold ---- */

/* Clients of the primary of `of_term` are told of its first `upto` writes. */
inline tell(of_term, upto) {
  announced = first(upto, written[of_term]);
  if
  :: !is_within(announced, told) ->
     /* Nothing that the newest primary lacks is acknowledged by an older one. */
     assert(of_term >= opened || is_within(announced, written[opened]));
#ifdef STRICTLY_NO_LATE_OK
     assert(of_term >= opened);
#endif
     /* What was acknowledged once stays part of what is acknowledged later. */
     assert(is_within(told, announced));
     told = announced
  :: else
  fi
}

/* After every step. */
inline judge() {
  for (i : 0 .. NODES - 1) {
    if
    :: node[i].is_primary && node[i].on ->
       count = 0;
       for (j : 0 .. NODES - 1) {
         if
         :: node[j].is_primary ->
            /* No two servers are writable in one term. */
            assert(i == j || !node[j].on || node[j].term != node[i].term)
         :: else ->
            count = count + (node[j].acknowledges && node[j].term == node[i].term &&
                             node[j].promised == node[j].term)
         fi
       }
       /* Once there is a newer primary, an older one can no longer gather acknowledgements for what it writes. */
       assert(node[i].term >= opened || count < 1 + node[i].needs_two)
    :: !node[i].is_primary && node[i].on && node[i].term == store_term ->
       /* The histories of those that serve never diverge. */
       assert(is_within(node[i].history, written[store_term]) || is_within(written[store_term], node[i].history))
    :: else
    fi
  }
}

/* ---- Sorting ---- */

#define key(n) (node[n].history | (node[n].executed << 8) | (node[n].promised << 11) | (node[n].is_primary << 13) | \
  (node[n].term << 14) | (node[n].acknowledges << 16) | (node[n].acknowledged << 17) | (node[n].on << 20) | \
  (node[n].chosen << 21) | (node[n].needs_two << 22) | (node[n].listed << 23))

#define exchange_field(field) \
  spare = node[j - 1].field; node[j - 1].field = node[j].field; node[j].field = spare

inline sort() {
#ifdef NAMED
  skip
#else
  for (i : 1 .. NODES - 1) {
    j = i;
    do
    :: j > 0 ->
       left_key = key(j - 1);
       right_key = key(j);
       if
       :: left_key > right_key ->
          exchange_field(history); exchange_field(executed); exchange_field(promised); exchange_field(is_primary);
          exchange_field(term); exchange_field(acknowledges); exchange_field(acknowledged); exchange_field(on);
          exchange_field(chosen); exchange_field(needs_two); exchange_field(listed);
          j--
       :: else -> break
       fi
    :: else -> break
    od
  }
#endif
}

inline end_of_step() {
  judge();
  sort();
  done
}

/* ---- Parts of steps ---- */

/* Every change of the store is a compare on its revision, so nobody who looked before can still act on it. */
inline invalidate_views() {
#ifdef COMPARE_TERM_ONLY
  skip
#else
  for (i : 0 .. NODES - 1) {
    node[i].chosen = 0
  }
#endif
}

/* Tells clients what enough voters have acknowledged to the primary of `of_term`, if that is there to tell. */
inline count_acknowledgements(of_term) {
  largest = 0;
  second = 0;
#ifdef TWO_ACKNOWLEDGEMENTS
  largest = remembered[of_term];
#endif
  count = 0;
  for (i : 0 .. NODES - 1) {
    if
    :: node[i].term == of_term && !node[i].is_primary && node[i].acknowledged > largest ->
       second = largest;
       largest = node[i].acknowledged
    :: node[i].term == of_term && !node[i].is_primary && node[i].acknowledged <= largest ->
       second = (node[i].acknowledged > second -> node[i].acknowledged : second)
    :: node[i].term == of_term && node[i].is_primary && node[i].on ->
       count = 1 + node[i].needs_two
    :: else
    fi
  }
  if
  :: count == 1 && largest > 0 -> tell(of_term, largest)
  :: count == 2 && second > 0 -> tell(of_term, second)
  :: else
  fi
}

inline acknowledge_everything(me) {
  node[me].acknowledged = length(node[me].history);
  count_acknowledgements(node[me].term)
}

/* Before a node changes its source or its role. A primary does not forget who acknowledged what and then left. */
inline leave_term(me) {
#ifdef TWO_ACKNOWLEDGEMENTS
  if
  :: !node[me].is_primary && node[me].acknowledged > remembered[node[me].term] ->
     remembered[node[me].term] = node[me].acknowledged
  :: else
  fi;
#endif
  node[me].acknowledges = 0;
  node[me].acknowledged = 0;
  node[me].needs_two = 0;
  node[me].on = 0
}

/*
 * Sets `members`, and in `count` those of them that have promised the next term and whose history `me` has. The set of
 * those that answered is free, so whoever has more may just not have been heard; that is among these sums.
 */
inline count_promises(me) {
  members = 0;
  count = 0;
  for (i : 0 .. NODES - 1) {
    if
    :: node[i].listed != NO_MEMBER ->
       members++;
#ifdef CHOOSE_WITHOUT_COMPARING
       count = count + (node[i].promised > store_term)
#else
       count = count + (node[i].promised > store_term && is_within(node[i].history, node[me].history))
#endif
    :: else
    fi
  }
}

/* Sets `count` to the members besides the primary, and besides `me`, that have all that the primary has. */
inline count_complete(me) {
  count = 0;
  for (i : 0 .. NODES - 1) {
    count = count + (i != me && node[i].listed == MEMBER && !(node[i].is_primary && node[i].term == store_term) &&
                     is_within(written[store_term], node[i].history))
  }
}

/* What a server's end does to its clients: nothing, if it is killed. */
inline end_clients(me) {
#ifdef RELEASE_WAITING_CLIENTS
  if
  :: node[me].is_primary && node[me].on -> tell(node[me].term, length(node[me].history))
  :: else
  fi
#else
  skip
#endif
}

/* ---- The rules, as guards; each broken one has a name of its own ---- */

#define is_current_primary(n) (node[n].is_primary && node[n].term == store_term)
#define has_applied_everything(n) (node[n].executed == length(node[n].history))

#ifdef QUORUM_TOO_SMALL
#define quorum (members - store_k - 1)
#else
#define quorum (members - store_k)
#endif

#ifdef FOLLOW_OLDER_TERMS
#define may_follow(n, of_term) (node[n].term <= (of_term))
#else
#define may_follow(n, of_term) (node[n].promised <= (of_term))
#endif

#ifdef STRAYS_FOLLOW
#define has_no_strays(n, of_term) true
#else
#define has_no_strays(n, of_term) is_within(node[n].history, written[of_term])
#endif

#ifdef CHANGE_SOURCE_UNAPPLIED
#define may_change_source(n) true
#else
#define may_change_source(n) has_applied_everything(n)
#endif

#ifdef PROMOTE_UNAPPLIED
#define may_forget_source(n) true
#else
#define may_forget_source(n) has_applied_everything(n)
#endif

#define is_voter(n) (node[n].listed == MEMBER && node[n].term == store_term)
#ifdef ACKNOWLEDGE_BEFORE_LISTED
#undef is_voter
#define is_voter(n) (node[n].term == store_term)
#endif
#ifdef ACKNOWLEDGE_IN_OLDER_TERM
#undef is_voter
#define is_voter(n) (node[n].listed == MEMBER)
#endif

#define may_be_marked(n) true
#define may_stop_acknowledging(n) (node[n].listed != MEMBER)
#define cannot_acknowledge(n) (!node[n].acknowledges)
#ifdef REMOVE_IN_STORE_FIRST
#undef cannot_acknowledge
#define cannot_acknowledge(n) true
#endif
#ifdef REMOVE_UNMARKED
/* LEAVING means no more than that somebody has heard from the voter that it had stopped; the voter looks at no mark. */
#undef may_be_marked
#undef may_stop_acknowledging
#undef cannot_acknowledge
#undef is_voter
#define may_be_marked(n) (!node[n].acknowledges)
#define may_stop_acknowledging(n) (node[n].listed == MEMBER)
#define cannot_acknowledge(n) true
#define is_voter(n) (node[n].listed != NO_MEMBER && node[n].term == store_term)
#endif

#define may_be_rebuilt(n) (node[n].listed == NO_MEMBER && !is_within(node[n].history, written[store_term]))
#ifdef REBUILD_KEEPS_VOTE
/* Also without strays: whatever it was that took its data. */
#undef may_be_rebuilt
#define may_be_rebuilt(n) (node[n].history != 0)
#endif

/* The k of the store is that of the newest term. */
#ifdef LOWER_WHEN_DEPOSED
#define knows_its_k(n) node[n].is_primary
#else
#define knows_its_k(n) is_current_primary(n)
#endif

/* Else a restart changes nothing. */
#ifdef PROMISE_FORGOTTEN
#define remembers_something(n) (node[n].on || node[n].chosen || node[n].promised > store_term)
#else
#define remembers_something(n) (node[n].on || node[n].chosen)
#endif

/* ---- What a node may do ---- */

inline write(me) {
#ifdef SEMISYNC_SWITCHED_ON_LATE
  count = (node[me].term > 1 && last(node[me].history) != node[me].term);
#endif
  node[me].history = node[me].history | (node[me].term << (2 * length(node[me].history)));
  node[me].executed = length(node[me].history);
  written[node[me].term] = node[me].history;
  printf("node %d writes in term %d: #%d\n", me, node[me].term, node[me].history);
#ifdef SEMISYNC_SWITCHED_ON_LATE
  if
  :: count -> tell(node[me].term, length(node[me].history))
  :: else
  fi;
#endif
  end_of_step()
}

inline receive(me) {
  node[me].history = first(length(node[me].history) + 1, written[node[me].term]);
  printf("node %d receives from the primary of term %d: #%d\n", me, node[me].term, node[me].history);
  if
  :: node[me].acknowledges -> acknowledge_everything(me)
  :: else
  fi;
  end_of_step()
}

inline restart(me) {
  printf("node %d restarts\n", me);
  end_clients(me);
  node[me].on = 0;
  node[me].chosen = 0;
#ifdef PROMISE_FORGOTTEN
  node[me].promised = (node[me].promised > store_term -> store_term : node[me].promised);
#endif
#ifdef RELAY_LOG_RECOVERY
  node[me].history = first(node[me].executed, node[me].history);
#endif
  end_of_step()
}

inline follow_again(me) {
  node[me].on = 1;
  printf("node %d receives again in term %d\n", me, node[me].term);
  if
  :: node[me].acknowledges -> acknowledge_everything(me)
  :: else
  fi;
  end_of_step()
}

#define can_follow(me, source) \
  (!node[me].on && (source) <= store_term && node[me].term != (source) && may_follow(me, source) && \
   may_change_source(me) && has_no_strays(me, source))

inline follow(me, source) {
  printf("node %d follows the primary of term %d, no longer %d, with #%d\n", me, source, node[me].term,
         node[me].history);
#ifdef CHANGE_SOURCE_UNAPPLIED
  node[me].history = first(node[me].executed, node[me].history);
#endif
  leave_term(me);
  node[me].is_primary = 0;
  node[me].term = source;
  node[me].promised = (node[me].promised > source -> node[me].promised : source);
  node[me].on = 1;
  end_of_step()
}

inline promise(me) {
  printf("node %d promises term %d, with #%d\n", me, store_term + 1, node[me].history);
  if
  :: node[me].is_primary -> end_clients(me)
  :: else
  fi;
  node[me].promised = store_term + 1;
#ifdef RECEIVER_KEEPS_RUNNING
  if
  :: node[me].is_primary -> node[me].on = 0
  :: else
  fi;
#else
  node[me].on = 0;
  node[me].acknowledges = 0;
#endif
  end_of_step()
}

inline become_primary(me, of_term) {
  leave_term(me);
  node[me].is_primary = 1;
  node[me].term = of_term;
#ifndef DEFAULT_K
  /* Of the record that it was promoted with. */
  node[me].needs_two = (store_k == 2);
#endif
  written[of_term] = node[me].history
}

inline choose(me) {
  node[me].chosen = 1;
  printf("node %d sees that it may lead term %d, with #%d\n", me, node[me].promised, node[me].history);
#ifdef WRITABLE_BEFORE_STORED
  become_primary(me, node[me].promised);
  node[me].on = 1;
#endif
  end_of_step()
}

inline promote(me) {
#ifdef PROMOTE_UNAPPLIED
  node[me].history = first(node[me].executed, node[me].history);
#endif
#ifdef OLD_PRIMARY_LEAVES_AT_ONCE
  for (i : 0 .. NODES - 1) {
    if
    :: i != me && is_current_primary(i) -> node[i].listed = NO_MEMBER
    :: else
    fi
  }
#endif
  store_term = node[me].promised;
  printf("node %d is the primary of term %d, with #%d\n", me, store_term, node[me].history);
  become_primary(me, store_term);
  node[me].chosen = 0;
#ifndef STORE_WITHOUT_COMPARING
  for (i : 0 .. NODES - 1) {
    node[i].chosen = 0
  }
#endif
  end_of_step()
}

inline open(me) {
  printf("node %d is writable in term %d, with #%d\n", me, node[me].term, node[me].history);
  node[me].on = 1;
  /* Deposed by now, it can only know what it knew before. */
  node[me].needs_two = (node[me].term == store_term -> store_k == 2 : node[me].needs_two);
  if
  :: node[me].term >= opened ->
     opened = node[me].term;
     /* The newest primary has every acknowledged write. */
     assert(is_within(told, node[me].history))
  :: else
  fi;
  end_of_step()
}

inline enable_acknowledgements(me) {
  printf("node %d acknowledges in term %d\n", me, node[me].term);
  node[me].acknowledges = 1;
  acknowledge_everything(me);
  end_of_step()
}

inline change_listing(me, listing) {
  printf("node %d: member %d, was %d\n", me, listing, node[me].listed);
  node[me].listed = listing;
  invalidate_views();
  end_of_step()
}

inline rebuild(me) {
  printf("node %d is rebuilt, and drops #%d\n", me, node[me].history);
  leave_term(me);
  node[me].is_primary = 0;
  node[me].term = 0;
  node[me].history = 0;
  node[me].executed = 0;
  end_of_step()
}

inline demand(me, needs_two_now) {
  printf("node %d waits for two: %d\n", me, needs_two_now);
  node[me].needs_two = needs_two_now;
  count_acknowledgements(node[me].term);
  end_of_step()
}

inline store_demand(k_now) {
  printf("the store's K is %d\n", k_now);
  store_k = k_now;
  invalidate_views();
  end_of_step()
}

#define is_replica(n) (!node[n].is_primary)

proctype Agent(byte me) {
end:
  do
  /* -- Writing and replication -- */

  /* A client's write is in the binlog, and the client waits. */
  :: d_step { node[me].is_primary && node[me].on && length(node[me].history) < WRITES -> write(me) }

  /* A replica has the next write in its relay log, on disk; a voter acknowledges it then. */
  :: d_step { is_replica(me) && node[me].on && node[me].history != written[node[me].term] &&
              is_within(node[me].history, written[node[me].term]) -> receive(me) }

#ifdef ACKNOWLEDGE_BEFORE_STORED
  :: d_step {
       is_replica(me) && node[me].on && node[me].acknowledges &&
       node[me].acknowledged == length(node[me].history) &&
       length(node[me].history) < length(written[node[me].term]) ->
       node[me].acknowledged = node[me].acknowledged + 1;
       printf("node %d acknowledges what it has not stored\n", me);
       count_acknowledgements(node[me].term);
       end_of_step()
     }
#endif

  :: d_step { !has_applied_everything(me) ->
              node[me].executed = length(node[me].history);
              printf("node %d applies everything\n", me);
              end_of_step() }

  /* The server or the node is killed and comes back. What it waited for is forgotten, its relay log is not. */
  :: d_step { remembers_something(me) -> restart(me) }

  /* The receiver starts again. The primary takes what the voter says to have for acknowledged. */
  :: d_step { is_replica(me) && !node[me].on && node[me].term > 0 && may_follow(me, node[me].term) ->
              follow_again(me) }

  /* Another source: the newest, or one that the node believes to be the newest. A deposed primary comes back so. */
  :: d_step { can_follow(me, 1) -> follow(me, 1) }
#if TERMS > 1
  :: d_step { can_follow(me, 2) -> follow(me, 2) }
#endif
#if TERMS > 2
  :: d_step { can_follow(me, 3) -> follow(me, 3) }
#endif

  /* -- Fail-over -- */

  /* It promises the next term to some candidate: on disk first, then its receiver stops, then it answers. */
  :: d_step { node[me].listed != NO_MEMBER && node[me].promised <= store_term && store_term < TERMS -> promise(me) }

  /* A candidate has heard from enough members, none of which has more than itself. */
  :: d_step { node[me].listed == MEMBER && node[me].promised > store_term && !node[me].chosen ->
              count_promises(me);
              if
              :: count >= quorum -> choose(me)
              :: else
              fi;
              done }

  /* It has applied all it had, writes the new term to the store, if that is still as it was, and forgets its source. */
  :: d_step { node[me].chosen && may_forget_source(me) -> promote(me) }

  /* Semi-sync is on before it becomes writable. */
  :: d_step { node[me].is_primary && !node[me].on && node[me].promised == node[me].term -> open(me) }

  /* -- Voters -- */

  :: d_step { is_replica(me) && node[me].on && !node[me].acknowledges && is_voter(me) -> enable_acknowledgements(me) }

#ifdef MEMBERS_CHANGE
  /* Adding: the store, then acknowledgements. Removing: a mark in the store, no more acknowledgements, the store. */
  :: d_step { node[me].listed == NO_MEMBER && is_replica(me) -> change_listing(me, MEMBER) }
  :: d_step { node[me].listed == MEMBER && !is_current_primary(me) && may_be_marked(me) ->
              change_listing(me, LEAVING) }
  :: d_step { node[me].acknowledges && may_stop_acknowledging(me) ->
              printf("node %d acknowledges no more\n", me);
              node[me].acknowledges = 0;
              end_of_step() }
  :: d_step { node[me].listed == LEAVING && cannot_acknowledge(me) && !is_current_primary(me) ->
#ifndef REMOVE_TOO_EARLY
              count_complete(me);
              if
              :: count >= store_k -> change_listing(me, NO_MEMBER)
              :: else
              fi;
              done
#else
              change_listing(me, NO_MEMBER)
#endif
            }

  /* A node that has what its primary has not is cloned again. */
  :: d_step { may_be_rebuilt(me) && !is_current_primary(me) -> rebuild(me) }
#endif

#ifdef K_CHANGES
  /* Raising: the server, until enough voters have everything, then the store. Lowering: the store, then the server. */
#ifndef RAISE_IN_STORE_FIRST
  :: d_step { is_current_primary(me) && node[me].on && store_k == 1 && !node[me].needs_two -> demand(me, 1) }
  :: d_step { is_current_primary(me) && node[me].on && store_k == 1 && node[me].needs_two ->
#ifndef RAISE_TOO_EARLY
              count_complete(me);
              if
              :: count >= 2 -> store_demand(2)
              :: else
              fi;
              done
#else
              store_demand(2)
#endif
            }
#else
  :: d_step { is_current_primary(me) && node[me].on && store_k == 1 -> store_demand(2) }
  :: d_step { is_current_primary(me) && node[me].on && store_k == 2 && !node[me].needs_two -> demand(me, 1) }
#endif
#ifdef LOWER_IN_SERVER_FIRST
  :: d_step { is_current_primary(me) && node[me].on && store_k == 2 && node[me].needs_two -> demand(me, 0) }
  :: d_step { is_current_primary(me) && store_k == 2 && !node[me].needs_two -> store_demand(1) }
#else
  :: d_step { is_current_primary(me) && store_k == 2 -> store_demand(1) }
  :: d_step { knows_its_k(me) && node[me].on && store_k == 1 && node[me].needs_two -> demand(me, 0) }
#endif
#endif
  od
}

init {
  d_step {
    for (i : 0 .. NODES - 1) {
      node[i].promised = 1;
      node[i].term = 1;
      node[i].on = 1;
      node[i].listed = MEMBER;
      node[i].acknowledges = 1
    }
    node[0].is_primary = 1;
    node[0].acknowledges = 0;
    node[0].needs_two = (K == 2);
    store_term = 1;
    store_k = K;
    opened = 1;
    sort();
    done
  }
  atomic {
    run Agent(0);
    run Agent(1);
#if NODES > 2
    run Agent(2);
#endif
#if NODES > 3
    run Agent(3);
#endif
#if NODES > 4
    run Agent(4);
#endif
    skip
  }
}
