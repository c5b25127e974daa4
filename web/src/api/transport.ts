/** The way to the server: the Connect protocol on the origin that served this page. */

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { ArtifactService } from "./gen/runstream/v1/artifact_service_pb";
import { ExperimentService } from "./gen/runstream/v1/experiment_service_pb";
import { MetricService } from "./gen/runstream/v1/metric_service_pb";
import { RunService } from "./gen/runstream/v1/run_service_pb";
import { ServerService } from "./gen/runstream/v1/server_service_pb";

/** Columns of numbers cost several times as much in JSON. */
export const transport = createConnectTransport({ baseUrl: location.origin, useBinaryFormat: true });

export const experimentsApi = createClient(ExperimentService, transport);
export const runsApi = createClient(RunService, transport);
export const metricsApi = createClient(MetricService, transport);
export const artifactsApi = createClient(ArtifactService, transport);
export const serverApi = createClient(ServerService, transport);

/** Whether a call failed because its caller gave it up. */
export function isAborted(error: unknown): boolean {
  return (
    (error instanceof DOMException && error.name === "AbortError") ||
    (error instanceof ConnectError && error.code === Code.Canceled)
  );
}

/** Whether the server could not be reached, so that the same call may work later. */
export function isUnreachable(error: unknown): boolean {
  const found = ConnectError.from(error);
  return found.code === Code.Unavailable || (found.code === Code.Unknown && found.cause instanceof TypeError);
}

/** What to tell a person about a failed call: the server's own words where it had any. */
export function messageOf(error: unknown): string {
  if (isUnreachable(error)) return "the server cannot be reached; this page tries again by itself";
  return ConnectError.from(error).rawMessage;
}
