#include "service/admin/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <utility>

namespace dorsal::admin {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily gauge_family(std::string name, std::string help) {
  return MetricFamily{std::move(name), std::move(help), MetricType::Gauge, {}};
}

void add_gauge(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

MetricFamily& family_of(std::vector<MetricFamily>& families, const Counters::Sample& sample) {
  auto found = std::find_if(families.begin(), families.end(), [&](const MetricFamily& family) {
    return family.name == sample.name;
  });
  if (found != families.end()) return *found;
  auto type = sample.kind == Counters::Kind::Counter ? MetricType::Counter : MetricType::Gauge;
  return families.emplace_back(MetricFamily{sample.name, sample.help, type, {}});
}

void add_sample(std::vector<MetricFamily>& families, const Counters::Sample& sample) {
  ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  metric.counter.value = static_cast<double>(sample.value);
  metric.gauge.value = static_cast<double>(sample.value);
  family_of(families, sample).metric.push_back(std::move(metric));
}

MetricFamily role_family(const cluster::Topology& topology) {
  auto family =
      gauge_family("dorsal_node_role", "1 for the role that a node has now, 0 for the others.");
  for (const auto& node : topology.nodes) {
    for (auto role : {cluster::Role::Primary,
                      cluster::Role::Replica,
                      cluster::Role::Joining,
                      cluster::Role::Down}) {
      add_gauge(family,
                {{"node", node.member.name.value()}, {"role", std::string(to_string(role))}},
                node.state.role == role ? 1 : 0);
    }
  }
  return family;
}

void add_topology(std::vector<MetricFamily>& families, const cluster::Topology& topology) {
  auto term = gauge_family("dorsal_term", "The current term; it grows with every new primary.");
  auto healthy =
      gauge_family("dorsal_node_healthy", "Whether the node's agent says that it does its work.");
  auto lag = gauge_family("dorsal_node_lag_seconds", "How far the node is behind the primary.");
  auto semi_sync = gauge_family("dorsal_node_semi_sync",
                                "Primary: it waits for acknowledgements; replica: it gives them.");
  add_gauge(term, {}, static_cast<double>(topology.leadership.term.value()));
  for (const auto& [member, state, promise] : topology.nodes) {
    const auto& name = member.name.value();
    add_gauge(healthy, {{"node", name}}, state.healthy ? 1 : 0);
    add_gauge(semi_sync, {{"node", name}}, state.semi_sync ? 1 : 0);
    if (state.lag_ms) add_gauge(lag, {{"node", name}}, static_cast<double>(*state.lag_ms) / 1000);
  }
  families.push_back(std::move(term));
  families.push_back(role_family(topology));
  families.push_back(std::move(healthy));
  families.push_back(std::move(semi_sync));
  families.push_back(std::move(lag));
}

}  // namespace

std::string metrics_page(const std::vector<Counters::Sample>& samples,
                         const cluster::Topology& topology) {
  std::vector<MetricFamily> families;
  for (const auto& sample : samples) add_sample(families, sample);
  add_topology(families, topology);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace dorsal::admin
