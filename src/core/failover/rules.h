// The rules, one function each; their order and reasons stand in decide.cc. Internal to this
// folder.
//
// A rule is only asked when none before it matched. Those of rules_primary.cc and rules_replica.cc
// may therefore take for granted that the server answers (View::server.facts is there), that the
// store knows this node, and for the latter that the node is not the recorded primary.
#pragma once

#include <optional>

#include "core/failover/decide.h"

namespace dorsal::failover::rules {

using Match = std::optional<Step>;

// rules_lease.cc: who may write
Match fence_without_lease(const View& view, const Policy& policy);
Match renew_lease(const View& view, const Policy& policy);
Match ask_members(const View& view, const Policy& policy);
Match remember(const View& view, const Policy& policy);
Match leave_unknown_server(const View& view, const Policy& policy);
Match wait_for_admission(const View& view, const Policy& policy);
Match lead_empty_cluster(const View& view, const Policy& policy);
Match refuse_old_data_in_empty_cluster(const View& view, const Policy& policy);

// rules_election.cc: who is to be the next primary
Match fence_for_election(const View& view, const Policy& policy);
Match kill_hung_server(const View& view, const Policy& policy);
Match kill_without_storage(const View& view, const Policy& policy);
Match kill_without_door(const View& view, const Policy& policy);
Match hand_over(const View& view, const Policy& policy);
Match begin_election(const View& view, const Policy& policy);
Match begin_election_after_restore(const View& view, const Policy& policy);
Match refuse_old_store(const View& view, const Policy& policy);
Match stop_receiving_for_election(const View& view, const Policy& policy);
Match sync_for_election(const View& view, const Policy& policy);
Match promise(const View& view, const Policy& policy);
Match apply_for_election(const View& view, const Policy& policy);
Match lead_as_elected(const View& view, const Policy& policy);
Match wait_for_election(const View& view, const Policy& policy);
Match forget_source(const View& view, const Policy& policy);
Match refuse_election(const View& view, const Policy& policy);

// rules_switchover.cc: another primary while the present one is at work
Match give_up_switchover(const View& view, const Policy& policy);
Match hold_for_switchover(const View& view, const Policy& policy);
Match close_for_switchover(const View& view, const Policy& policy);
Match elect_for_switchover(const View& view, const Policy& policy);
Match receive_up_to_barrier(const View& view, const Policy& policy);
Match wait_for_candidate(const View& view, const Policy& policy);

// rules_folder.cc: a data folder, and a process in it
Match wait_for_job(const View& view, const Policy& policy);
Match refuse_primary_without_data(const View& view, const Policy& policy);
Match forget_member_without_data(const View& view, const Policy& policy);
Match initialise_empty_folder(const View& view, const Policy& policy);
Match start_over_half_made_folder(const View& view, const Policy& policy);
Match rest_before_next_start(const View& view, const Policy& policy);
Match stay_away(const View& view, const Policy& policy);
Match start_server(const View& view, const Policy& policy);
Match wait_for_server(const View& view, const Policy& policy);
Match accept_completed_clone(const View& view, const Policy& policy);
Match start_over_broken_clone(const View& view, const Policy& policy);

// rules_votes.cc: whose acknowledgements count
Match leave_without_data(const View& view, const Policy& policy);
Match withdraw(const View& view, const Policy& policy);
Match leave_on_request(const View& view, const Policy& policy);
Match forget_removed(const View& view, const Policy& policy);
Match leave_for_rebuild(const View& view, const Policy& policy);
Match become_voter(const View& view, const Policy& policy);
Match give_up_data(const View& view, const Policy& policy);
Match say_what_others_need(const View& view, const Policy& policy);
Match take_out(const View& view, const Policy& policy);

// rules_protection.cc: commits that wait for acknowledgements that nobody gives
Match kill_with_locked_accounts(const View& view, const Policy& policy);
Match record_fewer_acks(const View& view, const Policy& policy);
Match record_more_acks(const View& view, const Policy& policy);
Match go_unprotected(const View& view, const Policy& policy);
Match stop_acks_unprotected(const View& view, const Policy& policy);
Match require_acks_again(const View& view, const Policy& policy);
Match end_unprotected(const View& view, const Policy& policy);
Match alarm_unprotected(const View& view, const Policy& policy);
Match wait_for_protection(const View& view, const Policy& policy);

// rules_rebuild.cc: data that is to be dropped
Match set_damaged_data_aside(const View& view, const Policy& policy);
bool is_to_be_dropped(const View& view, const Policy& policy);  // now, but for its vote
Match save_strays(const View& view, const Policy& policy);
Match rebuild(const View& view, const Policy& policy);

// rules_primary.cc
Match accept_own_data(const View& view, const Policy& policy);
Match record_primary_as_joined(const View& view, const Policy& policy);
Match refuse_lost_transactions(const View& view, const Policy& policy);
Match require_acks_before_writes(const View& view, const Policy& policy);
Match fence_without_replicas(const View& view, const Policy& policy);
Match wait_for_replicas(const View& view, const Policy& policy);
Match alarm_on_fall_back(const View& view, const Policy& policy);
Match wait_for_lease(const View& view, const Policy& policy);
Match open_for_writes(const View& view, const Policy& policy);
Match require_first_acks(const View& view, const Policy& policy);
Match record_required_acks(const View& view, const Policy& policy);
Match alarm_on_primary_storage(const View& view, const Policy& policy);
Match alarm_on_closed_primary(const View& view, const Policy& policy);
Match lead(const View& view, const Policy& policy);

// rules_replica.cc
Match leave_for_good(const View& view, const Policy& policy);
Match restart_on_request(const View& view, const Policy& policy);
Match wait_for_primary(const View& view, const Policy& policy);
Match clone_fresh_node(const View& view, const Policy& policy);
Match wait_for_donor(const View& view, const Policy& policy);
Match stop_acks_of_strays(const View& view, const Policy& policy);
Match stop_receiver_of_strays(const View& view, const Policy& policy);
Match refuse_strays(const View& view, const Policy& policy);
Match kill_waiting_clients(const View& view, const Policy& policy);
Match stop_requiring_acks(const View& view, const Policy& policy);
Match stop_receiving_from_other_source(const View& view, const Policy& policy);
Match apply_what_was_received(const View& view, const Policy& policy);
Match stop_applier_before_change(const View& view, const Policy& policy);
Match change_source(const View& view, const Policy& policy);
Match sync_relay_log(const View& view, const Policy& policy);
Match give_acks_as_voter(const View& view, const Policy& policy);
Match stop_acks_without_vote(const View& view, const Policy& policy);
Match stop_acks_far_behind(const View& view, const Policy& policy);
Match stop_syncing(const View& view, const Policy& policy);
Match receive_before_applying(const View& view, const Policy& policy);
Match start_replication(const View& view, const Policy& policy);
Match report_replication_error(const View& view, const Policy& policy);
Match join_when_caught_up(const View& view, const Policy& policy);
Match catch_up(const View& view, const Policy& policy);
Match wait_for_source(const View& view, const Policy& policy);
Match alarm_on_storage(const View& view, const Policy& policy);
Match alarm_on_closed_door(const View& view, const Policy& policy);
Match follow(const View& view, const Policy& policy);

}  // namespace dorsal::failover::rules
