/** What one client may use of a gateway, whatever its policies say. */
import { duration, extension, typed } from './json.ts'
import type { JsonObject } from './json.ts'

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/** A connection that has not said what it wants by then is ended. */
export const listenerTimeout = duration(5_000)
export const bufferBytes = 64 * kibibyte

/** Connections that a gateway holds at a time; any beyond are refused, not queued. */
const mostConnections = 20_000
/** The heap of one Envoy. */
const mostHeapBytes = 512 * mebibyte

/** How requests have to look, for both directions: one reading of every request, or none. */
export function strictHttp(headerBytes: number | undefined): JsonObject {
  return {
    codec_type: 'AUTO',
    normalize_path: true,
    merge_slashes: true,
    strip_trailing_host_dot: true,
    path_with_escaped_slashes_action: 'REJECT_REQUEST',
    common_http_protocol_options: {
      headers_with_underscores_action: 'REJECT_REQUEST',
      max_headers_count: 100,
      idle_timeout: duration(300_000),
    },
    http_protocol_options: { accept_http_10: false, allow_absolute_url: false, allow_chunked_length: false },
    http2_protocol_options: {
      max_concurrent_streams: 100,
      initial_stream_window_size: 64 * kibibyte,
      initial_connection_window_size: mebibyte,
      connection_keepalive: { interval: duration(30_000), timeout: duration(10_000) },
    },
    max_request_headers_kb: Math.ceil((headerBytes ?? 32 * kibibyte) / kibibyte),
    request_headers_timeout: duration(10_000),
    stream_idle_timeout: duration(300_000),
    // Long enough to say goodbye, short enough for a revocation.
    drain_timeout: duration(500),
    delayed_close_timeout: duration(500),
    use_remote_address: true,
    xff_num_trusted_hops: 0,
    internal_address_config: { unix_sockets: false, cidr_ranges: [] },
    forward_client_cert_details: 'SANITIZE',
    server_header_transformation: 'PASS_THROUGH',
    generate_request_id: false,
  }
}

/** Idle connections end, so that a client that has vanished frees its place. */
export const tcpIdle = duration(3_600_000)

/**
 * Sheds load before memory or connections run out: streams that hold the most memory first, then new requests, then new
 * connections.
 */
export function overloadManager(): JsonObject {
  const memory = (value: number): JsonObject => ({ name: 'envoy.resource_monitors.fixed_heap', threshold: { value } })
  const scaled = (saturation_threshold: number, scaling_threshold: number): JsonObject => ({
    name: 'envoy.resource_monitors.fixed_heap', scaled: { scaling_threshold, saturation_threshold },
  })
  const timers = ['HTTP_DOWNSTREAM_CONNECTION_IDLE', 'HTTP_DOWNSTREAM_STREAM_IDLE', 'TRANSPORT_SOCKET_CONNECT'].map((timer) => ({ timer, min_scale: { value: 10 } }))
  return {
    refresh_interval: duration(250),
    resource_monitors: [
      extension('envoy.resource_monitors.fixed_heap', 'envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig', { max_heap_size_bytes: mostHeapBytes }),
      extension('envoy.resource_monitors.global_downstream_max_connections', 'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig', {
        max_active_downstream_connections: mostConnections,
      }),
    ],
    actions: [
      { name: 'envoy.overload_actions.shrink_heap', triggers: [memory(0.9)] },
      {
        name: 'envoy.overload_actions.reduce_timeouts',
        triggers: [scaled(0.95, 0.85)],
        typed_config: typed('envoy.config.overload.v3.ScaleTimersOverloadActionConfig', { timer_scale_factors: timers }),
      },
      { name: 'envoy.overload_actions.reset_high_memory_stream', triggers: [scaled(0.98, 0.92)] },
      { name: 'envoy.overload_actions.stop_accepting_requests', triggers: [memory(0.95)] },
      { name: 'envoy.overload_actions.stop_accepting_connections', triggers: [memory(0.98)] },
    ],
    buffer_factory_config: { minimum_account_to_track_power_of_two: 20 },
  }
}
