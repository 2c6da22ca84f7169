// Made by `make protos`; never edited.
import type { Json, JsonValue, Status, Stream, Unary } from './method'

export type AlerterKind =
  | 'ALERTER_KIND_UNSPECIFIED'
  | 'ALERTER_KIND_WEBHOOK'
  | 'ALERTER_KIND_SLACK'

export type AlertDeliveryState =
  | 'ALERT_DELIVERY_STATE_UNSPECIFIED'
  | 'ALERT_DELIVERY_STATE_PENDING'
  | 'ALERT_DELIVERY_STATE_DELIVERED'
  | 'ALERT_DELIVERY_STATE_FAILED'
  | 'ALERT_DELIVERY_STATE_EXHAUSTED'

export type VisualizationKind =
  | 'VISUALIZATION_KIND_UNSPECIFIED'
  | 'VISUALIZATION_KIND_IMAGE'
  | 'VISUALIZATION_KIND_HTML'
  | 'VISUALIZATION_KIND_MARKDOWN'
  | 'VISUALIZATION_KIND_CSV'
  | 'VISUALIZATION_KIND_JSON'
  | 'VISUALIZATION_KIND_PLOT'

export type ArtifactType =
  | 'ARTIFACT_TYPE_UNSPECIFIED'
  | 'ARTIFACT_TYPE_DATA'
  | 'ARTIFACT_TYPE_MODEL'
  | 'ARTIFACT_TYPE_VISUALIZATION'

export type LineageDirection =
  | 'LINEAGE_DIRECTION_UNSPECIFIED'
  | 'LINEAGE_DIRECTION_UPSTREAM'
  | 'LINEAGE_DIRECTION_DOWNSTREAM'
  | 'LINEAGE_DIRECTION_BOTH'

export type BuildState =
  | 'BUILD_STATE_UNSPECIFIED'
  | 'BUILD_STATE_BUILDING'
  | 'BUILD_STATE_SUCCEEDED'
  | 'BUILD_STATE_FAILED'
  | 'BUILD_STATE_CANCELLED'

export type CodeRepositoryKind =
  | 'CODE_REPOSITORY_KIND_UNSPECIFIED'
  | 'CODE_REPOSITORY_KIND_GIT'
  | 'CODE_REPOSITORY_KIND_GITHUB'
  | 'CODE_REPOSITORY_KIND_GITLAB'

export type FlavorUse =
  | 'FLAVOR_USE_UNSPECIFIED'
  | 'FLAVOR_USE_EXECUTED'
  | 'FLAVOR_USE_RECORDED'

export type StepIsolation =
  | 'STEP_ISOLATION_UNSPECIFIED'
  | 'STEP_ISOLATION_THREAD'
  | 'STEP_ISOLATION_PROCESS'
  | 'STEP_ISOLATION_WORKLOAD'

export type RunState =
  | 'RUN_STATE_UNSPECIFIED'
  | 'RUN_STATE_PENDING'
  | 'RUN_STATE_PROVISIONING'
  | 'RUN_STATE_RUNNING'
  | 'RUN_STATE_PAUSED'
  | 'RUN_STATE_STOPPING'
  | 'RUN_STATE_SUCCEEDED'
  | 'RUN_STATE_FAILED'
  | 'RUN_STATE_STOPPED'

export type StepState =
  | 'STEP_STATE_UNSPECIFIED'
  | 'STEP_STATE_PENDING'
  | 'STEP_STATE_PROVISIONING'
  | 'STEP_STATE_RUNNING'
  | 'STEP_STATE_PAUSED'
  | 'STEP_STATE_RETRYING'
  | 'STEP_STATE_STOPPING'
  | 'STEP_STATE_SUCCEEDED'
  | 'STEP_STATE_CACHED'
  | 'STEP_STATE_SKIPPED'
  | 'STEP_STATE_FAILED'
  | 'STEP_STATE_STOPPED'

export type RunTrigger =
  | 'RUN_TRIGGER_UNSPECIFIED'
  | 'RUN_TRIGGER_SDK'
  | 'RUN_TRIGGER_SNAPSHOT'
  | 'RUN_TRIGGER_RETRY'
  | 'RUN_TRIGGER_EVENT'
  | 'RUN_TRIGGER_SCHEDULE'

export type StopMode =
  | 'STOP_MODE_UNSPECIFIED'
  | 'STOP_MODE_GRACEFUL'
  | 'STOP_MODE_FORCE'

export type FailureKind =
  | 'FAILURE_KIND_UNSPECIFIED'
  | 'FAILURE_KIND_USER'
  | 'FAILURE_KIND_SYSTEM'
  | 'FAILURE_KIND_INFRASTRUCTURE'

export type RunConditionState =
  | 'RUN_CONDITION_STATE_UNSPECIFIED'
  | 'RUN_CONDITION_STATE_OPEN'
  | 'RUN_CONDITION_STATE_APPROVED'
  | 'RUN_CONDITION_STATE_DENIED'
  | 'RUN_CONDITION_STATE_EXPIRED'
  | 'RUN_CONDITION_STATE_CANCELLED'

export type ReportOutcome =
  | 'REPORT_OUTCOME_UNSPECIFIED'
  | 'REPORT_OUTCOME_APPLIED'
  | 'REPORT_OUTCOME_DUPLICATE'
  | 'REPORT_OUTCOME_STALE'
  | 'REPORT_OUTCOME_RECORDED'
  | 'REPORT_OUTCOME_REJECTED'

export type LogStreamState =
  | 'LOG_STREAM_STATE_UNSPECIFIED'
  | 'LOG_STREAM_STATE_OPEN'
  | 'LOG_STREAM_STATE_SEALED'

export type ModelStage =
  | 'MODEL_STAGE_UNSPECIFIED'
  | 'MODEL_STAGE_NONE'
  | 'MODEL_STAGE_STAGING'
  | 'MODEL_STAGE_PRODUCTION'
  | 'MODEL_STAGE_ARCHIVED'

export type StageRequestState =
  | 'STAGE_REQUEST_STATE_UNSPECIFIED'
  | 'STAGE_REQUEST_STATE_PENDING'
  | 'STAGE_REQUEST_STATE_APPROVED'
  | 'STAGE_REQUEST_STATE_DENIED'
  | 'STAGE_REQUEST_STATE_WITHDRAWN'

export type SavedViewScope =
  | 'SAVED_VIEW_SCOPE_UNSPECIFIED'
  | 'SAVED_VIEW_SCOPE_SHARED'
  | 'SAVED_VIEW_SCOPE_PRIVATE'

export type ScheduleState =
  | 'SCHEDULE_STATE_UNSPECIFIED'
  | 'SCHEDULE_STATE_ACTIVE'
  | 'SCHEDULE_STATE_PAUSED'
  | 'SCHEDULE_STATE_FINISHED'

export type CatchUp =
  | 'CATCH_UP_UNSPECIFIED'
  | 'CATCH_UP_NONE'
  | 'CATCH_UP_LATEST'
  | 'CATCH_UP_ALL'

export type Overlap =
  | 'OVERLAP_UNSPECIFIED'
  | 'OVERLAP_ALLOW'
  | 'OVERLAP_SKIP'
  | 'OVERLAP_BUFFER_ONE'

export type FiringOutcome =
  | 'FIRING_OUTCOME_UNSPECIFIED'
  | 'FIRING_OUTCOME_STARTED'
  | 'FIRING_OUTCOME_SKIPPED'
  | 'FIRING_OUTCOME_FAILED'
  | 'FIRING_OUTCOME_BUFFERED'

export type SecretScope =
  | 'SECRET_SCOPE_UNSPECIFIED'
  | 'SECRET_SCOPE_SHARED'
  | 'SECRET_SCOPE_PRIVATE'

export type CredentialAccess =
  | 'CREDENTIAL_ACCESS_UNSPECIFIED'
  | 'CREDENTIAL_ACCESS_READ'
  | 'CREDENTIAL_ACCESS_WRITE'

export type ExecutionMode =
  | 'EXECUTION_MODE_UNSPECIFIED'
  | 'EXECUTION_MODE_FAIL_FAST'
  | 'EXECUTION_MODE_STOP_ON_FAILURE'
  | 'EXECUTION_MODE_CONTINUE'

export type FiringState =
  | 'FIRING_STATE_UNSPECIFIED'
  | 'FIRING_STATE_PENDING'
  | 'FIRING_STATE_FIRED'
  | 'FIRING_STATE_SKIPPED'
  | 'FIRING_STATE_FAILED'

export type WebhookKind =
  | 'WEBHOOK_KIND_UNSPECIFIED'
  | 'WEBHOOK_KIND_GITHUB'
  | 'WEBHOOK_KIND_STANDARD'
  | 'WEBHOOK_KIND_HMAC'

export type EventType =
  | 'EVENT_TYPE_UNSPECIFIED'
  | 'EVENT_TYPE_CREATED'
  | 'EVENT_TYPE_UPDATED'
  | 'EVENT_TYPE_DELETED'
  | 'EVENT_TYPE_SNAPSHOT'

export type ConditionDecision =
  | 'CONDITION_DECISION_UNSPECIFIED'
  | 'CONDITION_DECISION_APPROVE'
  | 'CONDITION_DECISION_DENY'

export type QuotaState =
  | 'QUOTA_STATE_UNSPECIFIED'
  | 'QUOTA_STATE_FREE'
  | 'QUOTA_STATE_NEAR'
  | 'QUOTA_STATE_REACHED'

export type SecretMigration_State =
  | 'STATE_UNSPECIFIED'
  | 'STATE_RUNNING'
  | 'STATE_SUCCEEDED'

export type RotateSecretKeyRequest_Key =
  | 'KEY_UNSPECIFIED'
  | 'KEY_DATA'
  | 'KEY_WRAPPING'

export type LogLevel =
  | 'LOG_LEVEL_UNSPECIFIED'
  | 'LOG_LEVEL_DEBUG'
  | 'LOG_LEVEL_INFO'
  | 'LOG_LEVEL_WARNING'
  | 'LOG_LEVEL_ERROR'
  | 'LOG_LEVEL_CRITICAL'

export type LogOrigin =
  | 'LOG_ORIGIN_UNSPECIFIED'
  | 'LOG_ORIGIN_USER'
  | 'LOG_ORIGIN_RUNNER'
  | 'LOG_ORIGIN_SYSTEM'

export type LogChannel =
  | 'LOG_CHANNEL_UNSPECIFIED'
  | 'LOG_CHANNEL_STDOUT'
  | 'LOG_CHANNEL_STDERR'
  | 'LOG_CHANNEL_LOGGING'

export type Alerter = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  kind: AlerterKind
  url: string
  origin: string
  types: string[]
  filter: string
  paused: boolean
  pauseReason: string
  failingSince?: string
  oldSecretExpireTime?: string
}

export type AlertAttempt = {
  startTime?: string
  duration?: string
  statusCode: number
  error: string
  response: string
}

export type AlertDelivery = {
  name: string
  createTime?: string
  type: string
  cause: string
  state: AlertDeliveryState
  reason: string
  payload: string
  attempts: AlertAttempt[]
  attemptCount: number
  nextAttemptTime?: string
  settleTime?: string
}

export type GetAlerterRequest = {
  name: string
}

export type ListAlertersRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListAlertersResponse = {
  alerters: Alerter[]
  nextPageToken: string
  revision: string
}

export type CreateAlerterRequest = {
  parent: string
  alerterId: string
  alerter?: Alerter
  requestId: string
  validateOnly: boolean
}

export type UpdateAlerterRequest = {
  alerter?: Alerter
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteAlerterRequest = {
  name: string
  etag: string
}

export type RotateAlerterSecretRequest = {
  name: string
  retainPeriod?: string
}

export type RotateAlerterSecretResponse = {
  alerter?: Alerter
  secret: string
}

export type TestAlerterRequest = {
  name: string
}

export type TestAlerterResponse = {
  delivered: boolean
  attempt?: AlertAttempt
}

export type ListAlertDeliveriesRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListAlertDeliveriesResponse = {
  deliveries: AlertDelivery[]
  nextPageToken: string
  revision: string
}

export type RedeliverAlertRequest = {
  name: string
}

export type SendRunAlertRequest = {
  run: string
  text: string
  alerter: string
  stepId: string
  requestId: string
}

export type SendRunAlertResponse = {
  deliveries: string[]
}

export type Artifact = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  latestVersion: number
  metadata: { [key: string]: JsonValue }
}

export type Visualization = {
  kind: VisualizationKind
  file: string
  sizeBytes: string
  title: string
}

export type ArtifactVersion = {
  name: string
  uid: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  version: number
  type: ArtifactType
  uri: string
  dataType: string
  materializer: string
  contentHash: string
  sizeBytes: string
  producerStep: string
  producerOutput: string
  schema?: Json
  unsafe: boolean
  writtenWith: { [key: string]: string }
  alias: string
  metadata: { [key: string]: JsonValue }
  visualizations: Visualization[]
}

export type GetArtifactRequest = {
  name: string
}

export type ListArtifactsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListArtifactsResponse = {
  artifacts: Artifact[]
  nextPageToken: string
  revision: string
}

export type UpdateArtifactRequest = {
  artifact?: Artifact
  updateMask?: string
  requestId: string
}

export type DeleteArtifactRequest = {
  name: string
  etag: string
  deleteContent: boolean
}

export type CreateArtifactVersionRequest = {
  parent: string
  artifactVersion?: ArtifactVersion
  requestId: string
}

export type UpdateArtifactVersionRequest = {
  artifactVersion?: ArtifactVersion
  updateMask?: string
  requestId: string
}

export type DeleteArtifactVersionRequest = {
  name: string
  etag: string
  deleteContent: boolean
}

export type PruneArtifactVersionsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  minimumAge?: string
  deleteContent: boolean
  validateOnly: boolean
}

export type PruneArtifactVersionsResponse = {
  artifactVersions: ArtifactVersion[]
  nextPageToken: string
  sizeBytes: string
}

export type GetVisualizationRequest = {
  name: string
  file: string
}

export type CreateDownloadUrlRequest = {
  name: string
  lifetime?: string
}

export type DownloadUrl = {
  expireTime?: string
  files: DownloadableFile[]
}

export type DownloadableFile = {
  file: string
  sizeBytes: string
  uri: string
}

export type DownloadFileRequest = {
  token: string
}

export type GetArtifactVersionRequest = {
  name: string
}

export type ListArtifactVersionsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListArtifactVersionsResponse = {
  artifactVersions: ArtifactVersion[]
  nextPageToken: string
  revision: string
}

export type BatchCreateArtifactVersionsRequest = {
  parent: string
  requests: NewArtifactVersion[]
}

export type NewArtifactVersion = {
  artifactId: string
  artifactVersion?: ArtifactVersion
}

export type BatchCreateArtifactVersionsResponse = {
  artifactVersions: ArtifactVersion[]
}

export type GetLineageRequest = {
  name: string
  direction: LineageDirection
  depth: number
  pageSize: number
  pageToken: string
}

export type Lineage = {
  artifactVersions: ArtifactVersion[]
  edges: LineageEdge[]
  truncated: boolean
  nextPageToken: string
}

export type LineageEdge = {
  step: string
  artifactVersion: string
  input: string
  output: string
}

export type Build = {
  name: string
  uid: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  revision: string
  pipeline: string
  image?: BuildImage
  stepImages: { [key: string]: BuildImage }
  checksum: string
  stack: string
  state: BuildState
  stateReason: string
  endTime?: string
}

export type BuildImage = {
  uri: string
  digest: string
  recipe?: ImageRecipe
}

export type ImageRecipe = {
  base: string
  requirements: string[]
  buildArguments: { [key: string]: string }
  python: string
}

export type GetBuildRequest = {
  name: string
}

export type ListBuildsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListBuildsResponse = {
  builds: Build[]
  nextPageToken: string
  revision: string
}

export type CreateBuildRequest = {
  parent: string
  buildId: string
  build?: Build
  requestId: string
}

export type DeleteBuildRequest = {
  name: string
}

export type CancelBuildRequest = {
  name: string
  requestId: string
}

export type TailBuildLogRequest = {
  name: string
  step: string
  offsetBytes: string
}

export type TailBuildLogResponse = {
  text: string
  nextOffsetBytes: string
  endOfStream: boolean
}

export type CodeRepository = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  annotations: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  kind: CodeRepositoryKind
  url: string
  apiUrl: string
  secretName: string
  secretKey: string
  username: string
}

export type GetCodeRepositoryRequest = {
  name: string
}

export type ListCodeRepositoriesRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListCodeRepositoriesResponse = {
  codeRepositories: CodeRepository[]
  nextPageToken: string
  revision: string
}

export type CreateCodeRepositoryRequest = {
  parent: string
  codeRepositoryId: string
  codeRepository?: CodeRepository
  requestId: string
  validateOnly: boolean
}

export type UpdateCodeRepositoryRequest = {
  codeRepository?: CodeRepository
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteCodeRepositoryRequest = {
  name: string
  etag: string
}

export type VerifyCodeRepositoryRequest = {
  name: string
}

export type VerifyCodeRepositoryResponse = {
  defaultBranch: string
  head?: ResolvedRevision
}

export type ResolveRevisionRequest = {
  name: string
  revision: string
}

export type ResolvedRevision = {
  commit: string
  commitTime?: string
  subject: string
}

export type Component = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  type: string
  flavor: string
  config?: Json
  connector: string
  connectorResource: string
}

export type Flavor = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  revision: string
  etag: string
  type: string
  configSchema?: Json
  use: FlavorUse
  builtIn: boolean
}

export type ValidationReport = {
  ok: boolean
  checks: ValidationCheck[]
}

export type ValidationCheck = {
  component: string
  check: string
  ok: boolean
  reason: string
  remedy: string
  duration?: string
}

export type GetComponentRequest = {
  name: string
}

export type ListComponentsRequest = {
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListComponentsResponse = {
  components: Component[]
  nextPageToken: string
  revision: string
}

export type CreateComponentRequest = {
  componentId: string
  component?: Component
  requestId: string
  validateOnly: boolean
}

export type UpdateComponentRequest = {
  component?: Component
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteComponentRequest = {
  name: string
  etag: string
}

export type ValidateComponentRequest = {
  name: string
}

export type GetFlavorRequest = {
  name: string
}

export type ListFlavorsRequest = {
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListFlavorsResponse = {
  flavors: Flavor[]
  nextPageToken: string
  revision: string
}

export type CreateFlavorRequest = {
  flavorId: string
  flavor?: Flavor
  requestId: string
}

export type DeleteFlavorRequest = {
  name: string
  etag: string
}

export type AwsCredentials = {
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  region: string
  endpointUri: string
}

export type GcpCredentials = {
  accessToken: string
  project: string
  endpointUri: string
}

export type AzureCredentials = {
  sasToken: string
  accessToken: string
  storageAccount: string
  endpointUri: string
}

export type KubernetesCredentials = {
  server: string
  certificateAuthority: string
  token: string
  namespace: string
}

export type RegistryCredentials = {
  registry: string
  username: string
  password: string
  bearerToken: string
}

export type BearerCredentials = {
  accessToken: string
  scope: string
}

export type MemoryGrowth = {
  percent: number
  maxBytes: string
}

export type ResourceSpec = {
  cpuMillis: number
  memoryBytes: string
  gpuCount: number
}

export type RetrySpec = {
  maxRetryCount: number
  backoff?: string
  maxBackoff?: string
  memoryGrowth?: MemoryGrowth
}

export type CacheSpec = {
  enabled: boolean
  maxAge?: string
  policy: string
}

export type StepSettings = {
  resources?: ResourceSpec
  retry?: RetrySpec
  cache?: CacheSpec
  timeout?: string
  environment: { [key: string]: string }
  isolation: StepIsolation
  pod?: PodSettings
  queueTimeout?: string
  deadline?: string
}

export type Failure = {
  kind: FailureKind
  code: string
  message: string
  step: string
  exceptionType: string
  location: string
  excerpt: string
  traceback: string
}

export type Unresponsive = {
  since?: string
}

export type StopRequest = {
  requester: string
  mode: StopMode
  reason: string
  time?: string
  grace?: string
}

export type PauseRequest = {
  requester: string
  reason: string
  time?: string
}

export type RunCondition = {
  name: string
  uid: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  question: string
  answerSchema?: Json
  stepId: string
  approvers: string[]
  expireTime?: string
  state: RunConditionState
  resolver: string
  resolveTime?: string
  answer?: JsonValue
  comment: string
}

export type Run = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  pipeline: string
  snapshot: string
  trigger: RunTrigger
  origin: string
  parameters?: Json
  state: RunState
  stateReason: string
  failure?: Failure
  startTime?: string
  endTime?: string
  stepCounts: { [key: string]: number }
  workload: string
  lastHeartbeatTime?: string
  unresponsive?: Unresponsive
  stopRequest?: StopRequest
  environment?: PythonEnvironment
  cacheDisabled: boolean
  stepSettings: { [key: string]: StepSettings }
  pauseRequest?: PauseRequest
  openConditionCount: number
  metadata?: Json
  stack: string
  startedBy: string
  cause: string
  workloadManager: string
  onlyStep: string
}

export type Step = {
  name: string
  uid: string
  createTime?: string
  updateTime?: string
  revision: string
  stepId: string
  mapGroup: string
  mapIndex: number
  upstream: string[]
  state: StepState
  stateReason: string
  failure?: Failure
  attemptCount: number
  cacheKey: string
  cachedFrom: string
  inputs: { [key: string]: string }
  outputs: { [key: string]: string }
  metadata?: Json
  startTime?: string
  endTime?: string
  logStream: string
  cacheReason: string
  stopRequest?: StopRequest
  workload: string
  attemptOutcome: StepState
  unresponsive?: Unresponsive
}

export type StepAttempt = {
  name: string
  number: number
  state: StepState
  failure?: Failure
  host: string
  logStream: string
  startTime?: string
  endTime?: string
}

export type Stack = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  components: { [key: string]: string }
  additionalComponents: string[]
  workspaceDefault: boolean
}

export type GetStackRequest = {
  name: string
}

export type ListStacksRequest = {
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListStacksResponse = {
  stacks: Stack[]
  nextPageToken: string
  revision: string
}

export type CreateStackRequest = {
  stackId: string
  stack?: Stack
  requestId: string
  validateOnly: boolean
}

export type UpdateStackRequest = {
  stack?: Stack
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteStackRequest = {
  name: string
  etag: string
}

export type ValidateStackRequest = {
  name: string
}

export type RunStack = {
  stack: string
  components: RunComponent[]
}

export type RunComponent = {
  component: string
  type: string
  flavor: string
  config?: Json
  connector: string
  connectorResource: string
  typeDefault: boolean
}

export type ClaimRunRequest = {
  name: string
  reporter: string
  host: string
}

export type RunInstructions = {
  run?: Run
  steps: Step[]
  artifactStoreUri: string
  heartbeatInterval?: string
  ackedSequence: string
  stack?: RunStack
  stepIsolation: StepIsolation
  maxStepWorkloads: number
  pickleRefused: boolean
}

export type BatchCreateStepsRequest = {
  parent: string
  steps: NewStep[]
}

export type NewStep = {
  stepId: string
  upstream: string[]
  mapGroup: string
  mapIndex: number
}

export type WriteMetadataRequest = {
  run: string
  stepId: string
  values?: Json
}

export type CreateRunConditionRequest = {
  parent: string
  conditionId: string
  runCondition?: RunCondition
}

export type BatchCreateStepsResponse = {
  steps: Step[]
}

export type Report = {
  sequence: string
  time?: string
  run?: RunReport
  step?: StepReport
}

export type RunReport = {
  state: RunState
  reason: string
  failure?: Failure
}

export type StepReport = {
  stepId: string
  attempt: number
  state: StepState
  reason: string
  failure?: Failure
  logStream: string
  inputs: { [key: string]: string }
  outputs: { [key: string]: string }
  metadata?: Json
  cacheKey: string
  cacheKeyParts: { [key: string]: string }
  cachedFrom: string
  cacheReason: string
  host: string
}

export type ReportResult = {
  sequence: string
  outcome: ReportOutcome
  error?: Status
}

export type Directive = {
  stop?: StopRequest
  pause?: PauseRequest
  stepStop?: StepStop
}

export type StepStop = {
  stepId: string
  request?: StopRequest
}

export type StreamReportsRequest = {
  open?: OpenReports
  batch?: ReportBatch
  heartbeat?: ReportHeartbeat
}

export type OpenReports = {
  run: string
  reporter: string
}

export type ReportBatch = {
  reports: Report[]
}

export type ReportHeartbeat = Record<string, never>

export type StreamReportsResponse = {
  ackedSequence: string
  results: ReportResult[]
  directives: Directive[]
  notice?: Notice
}

export type Notice = {
  reconnect: boolean
  reason: string
}

export type BatchReportRequest = {
  run: string
  reporter: string
  reports: Report[]
}

export type BatchReportResponse = {
  results: ReportResult[]
  directives: Directive[]
}

export type HeartbeatRequest = {
  run: string
  reporter: string
}

export type HeartbeatResponse = {
  directives: Directive[]
  runToken: string
  trustBundlePem: string
}

export type LogStream = {
  name: string
  uid: string
  createTime?: string
  revision: string
  run: string
  stepId: string
  attempt: number
  state: LogStreamState
  nextOffset: string
  droppedLines: string
  keptBytes: string
}

export type CreateLogStreamRequest = {
  parent: string
  logStreamId: string
  logStream?: LogStream
}

export type GetLogStreamRequest = {
  name: string
}

export type ListLogStreamsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListLogStreamsResponse = {
  logStreams: LogStream[]
  nextPageToken: string
}

export type AppendLogsRequest = {
  open?: OpenLog
  chunk?: LogChunk
}

export type OpenLog = {
  logStream: string
  writerEpoch: string
}

export type LogChunk = {
  firstOffset: string
  lines: LogLine[]
}

export type AppendLogsResponse = {
  opened?: LogOpened
  ack?: LogAck
  notice?: Notice
}

export type LogOpened = {
  nextOffset: string
  writerEpoch: string
}

export type LogAck = {
  committedOffset: string
  droppedLines: string
}

export type WriteLogsRequest = {
  logStream: string
  writerEpoch: string
  chunk?: LogChunk
}

export type WriteLogsResponse = {
  committedOffset: string
  writerEpoch: string
  droppedLines: string
}

export type SealLogStreamRequest = {
  name: string
}

export type LogFilter = {
  minLevel: LogLevel
  contains: string
  since?: string
  until?: string
}

export type ReadLogsRequest = {
  logStream: string
  offset: string
  maxLines: number
  filter?: LogFilter
}

export type ReadLogsResponse = {
  lines: LogLine[]
  nextOffset: string
  endOfStream: boolean
}

export type TailLogsRequest = {
  logStream: string
  offset?: string
  lastLines: string
  since?: string
  filter?: LogFilter
}

export type TailLogsResponse = {
  lines: LogLine[]
  nextOffset: string
  endOfStream: boolean
  notice?: Notice
}

export type DownloadLogsRequest = {
  logStream: string
}

export type Model = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  annotations: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  latestNumber: number
  approvalStages: ModelStage[]
  stagingVersion: string
  productionVersion: string
}

export type ModelVersion = {
  name: string
  uid: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  number: number
  versionId: string
  stage: ModelStage
  metadata?: Json
  run: string
}

export type ModelVersionLink = {
  modelVersion: string
  uid: string
  creator: string
  createTime?: string
  artifactVersion?: string
  run?: string
}

export type StageTransition = {
  modelVersion: string
  uid: string
  creator: string
  createTime?: string
  from: ModelStage
  to: ModelStage
  comment: string
  stageRequest: string
  successor: string
}

export type StageRequest = {
  name: string
  uid: string
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  modelVersion: string
  stage: ModelStage
  demoteExisting: boolean
  comment: string
  state: StageRequestState
  decider: string
  decisionComment: string
}

export type Pipeline = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
}

export type GetPipelineRequest = {
  name: string
}

export type ListPipelinesRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListPipelinesResponse = {
  pipelines: Pipeline[]
  nextPageToken: string
  revision: string
}

export type GetLatestRunsRequest = {
  parent: string
  pipelines: string[]
  limit: number
}

export type GetLatestRunsResponse = {
  runs: Run[]
  revision: string
}

export type UpdatePipelineRequest = {
  pipeline?: Pipeline
  updateMask?: string
  requestId: string
}

export type DeletePipelineRequest = {
  name: string
  etag: string
}

export type Project = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  maxConcurrentRuns: number
  defaultStack: string
  maxRunLogBytes: string
  maxRunLogLines: string
  maxLogStreamBytes: string
  maxLogStreamLines: string
  maxRuns: string
  maxArtifactVersions: string
  maxArtifactBytes: string
  maxLogBytes: string
  maxPipelines: string
  maxSnapshots: string
  maxModelVersions: string
  maxAutomations: string
  keepRunDays: number
  keepLastRuns: number
}

export type GetProjectRequest = {
  name: string
}

export type ListProjectsRequest = {
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListProjectsResponse = {
  projects: Project[]
  nextPageToken: string
  revision: string
}

export type CreateProjectRequest = {
  projectId: string
  project?: Project
  requestId: string
  validateOnly: boolean
}

export type UpdateProjectRequest = {
  project?: Project
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteProjectRequest = {
  name: string
  etag: string
}

export type SavedView = {
  name: string
  uid: string
  displayName: string
  description: string
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  scope: SavedViewScope
  collection: string
  filter: string
  orderBy: string
  columns: string[]
}

export type GetSavedViewRequest = {
  name: string
}

export type ListSavedViewsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListSavedViewsResponse = {
  savedViews: SavedView[]
  nextPageToken: string
  revision: string
}

export type CreateSavedViewRequest = {
  parent: string
  savedViewId: string
  savedView?: SavedView
  requestId: string
  validateOnly: boolean
}

export type UpdateSavedViewRequest = {
  savedView?: SavedView
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type ShareSavedViewRequest = {
  name: string
  etag: string
}

export type DeleteSavedViewRequest = {
  name: string
  etag: string
}

export type Schedule = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  snapshot: string
  parameters?: Json
  cacheDisabled: boolean
  cron?: string
  interval?: string
  runAt?: string
  timeZone: string
  startTime?: string
  endTime?: string
  maxRuns: number
  catchUp: CatchUp
  catchUpLimit: number
  overlap: Overlap
  state: ScheduleState
  nextRunTime?: string
  runCount: number
  lastRun: string
  lastOutcome: FiringOutcome
  lastMessage: string
  lastFireTime?: string
  stack: string
  stepSettings: { [key: string]: StepSettings }
  template: string
}

export type ScheduleFiring = {
  schedule: string
  uid: string
  createTime?: string
  fireTime?: string
  untilTime?: string
  outcome: FiringOutcome
  reason: string
  message: string
  run: string
  requester: string
}

export type Secret = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  scope: SecretScope
  keys: string[]
  values: { [key: string]: string }
  projects: string[]
}

export type SecretValues = {
  name: string
  values: { [key: string]: string }
}

export type GetSecretRequest = {
  name: string
}

export type ListSecretsRequest = {
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListSecretsResponse = {
  secrets: Secret[]
  nextPageToken: string
  revision: string
}

export type CreateSecretRequest = {
  secretId: string
  secret?: Secret
  requestId: string
  validateOnly: boolean
}

export type UpdateSecretRequest = {
  secret?: Secret
  updateMask?: string
  removeKeys: string[]
  requestId: string
  validateOnly: boolean
}

export type DeleteSecretRequest = {
  name: string
  etag: string
}

export type AccessSecretRequest = {
  name: string
}

export type BatchAccessSecretsRequest = {
  names: string[]
}

export type BatchAccessSecretsResponse = {
  secrets: SecretValues[]
}

export type ConnectorType = {
  name: string
  displayName: string
  description: string
  authMethods: ConnectorAuthMethod[]
  resourceTypes: ConnectorResourceType[]
}

export type ConnectorAuthMethod = {
  id: string
  displayName: string
  description: string
  configSchema?: Json
  secretFields: string[]
}

export type ConnectorResourceType = {
  id: string
  displayName: string
  description: string
  resourceIdExample: string
}

export type ServiceConnector = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  annotations: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  type: string
  authMethod: string
  resourceTypes: string[]
  resourceId: string
  config?: Json
  secretConfig: { [key: string]: string }
  secretName: string
  secretFields: string[]
  expireTime?: string
}

export type ListConnectorTypesRequest = {
  pageSize: number
  pageToken: string
}

export type ListConnectorTypesResponse = {
  connectorTypes: ConnectorType[]
  nextPageToken: string
}

export type GetConnectorTypeRequest = {
  name: string
}

export type GetServiceConnectorRequest = {
  name: string
}

export type ListServiceConnectorsRequest = {
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListServiceConnectorsResponse = {
  serviceConnectors: ServiceConnector[]
  nextPageToken: string
  revision: string
}

export type CreateServiceConnectorRequest = {
  serviceConnectorId: string
  serviceConnector?: ServiceConnector
  requestId: string
  validateOnly: boolean
}

export type UpdateServiceConnectorRequest = {
  serviceConnector?: ServiceConnector
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteServiceConnectorRequest = {
  name: string
  etag: string
}

export type VerifyServiceConnectorRequest = {
  name: string
  resourceType: string
  resourceId: string
}

export type VerifyServiceConnectorResponse = {
  identity: string
}

export type ListConnectorResourcesRequest = {
  parent: string
  resourceType: string
  pageSize: number
  pageToken: string
}

export type ListConnectorResourcesResponse = {
  resources: ConnectorResource[]
  nextPageToken: string
}

export type ConnectorResource = {
  resourceId: string
  location: string
}

export type IssueCredentialsRequest = {
  name: string
  resourceType: string
  resourceId: string
  access: CredentialAccess
  ttl?: string
}

export type IssueCredentialsResponse = {
  resourceType: string
  resourceId: string
  expireTime?: string
  aws?: AwsCredentials
  gcp?: GcpCredentials
  azure?: AzureCredentials
  kubernetes?: KubernetesCredentials
  registry?: RegistryCredentials
  bearer?: BearerCredentials
}

export type Snapshot = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  pipeline: string
  spec?: PipelineSpec
  code?: CodeArchive
  parametersSchema?: Json
  environment?: PythonEnvironment
  template: string
  build: string
  stack: string
}

export type CodeArchive = {
  uri: string
  sha256: string
  sizeBytes: string
  entrypoint: string
  commit: string
  dirty: boolean
  codeRepository: string
  directory: string
}

export type PipelineSpec = {
  steps: StepSpec[]
  executionMode: ExecutionMode
  parameters?: Json
}

export type StepSpec = {
  id: string
  upstream: string[]
  entrypoint: string
  inputs: { [key: string]: InputSpec }
  outputs: OutputSpec[]
  resources?: ResourceSpec
  retry?: RetrySpec
  cache?: CacheSpec
  timeout?: string
  environment: { [key: string]: string }
  mapOver: string
  mapConcurrency: number
  description: string
  source: string
  secrets: string[]
  isolation: StepIsolation
  pod?: PodSettings
  queueTimeout?: string
  deadline?: string
}

export type InputSpec = {
  stepOutput?: StepOutput
  parameter?: string
  constant?: JsonValue
  list?: InputList
}

export type InputList = {
  items: InputSpec[]
}

export type StepOutput = {
  step: string
  output: string
}

export type OutputSpec = {
  name: string
  dataType: string
  artifactId: string
}

export type SnapshotParameterSchema = {
  schema?: Json
}

export type RunProblem = {
  reason: string
  field: string
  message: string
}

export type RunOccurrence = {
  pipeline: string
  states: RunState[]
}

export type ModelOccurrence = {
  model: string
  stages: ModelStage[]
}

export type ArtifactOccurrence = {
  artifact: string
}

export type WebhookOccurrence = {
  webhook: string
  eventTypes: string[]
  filter: string
}

export type Occurrence = {
  run?: RunOccurrence
  model?: ModelOccurrence
  artifact?: ArtifactOccurrence
  webhook?: WebhookOccurrence
}

export type Trigger = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  occurrence?: Occurrence
  snapshot: string
  parameters?: Json
  paused: boolean
  runsAs: string
  lastFiring?: TriggerFiring
  template: string
}

export type TriggerFiring = {
  name: string
  createTime?: string
  state: FiringState
  reason: string
  run: string
  cause: string
  causeRevision: string
  settleTime?: string
}

export type HmacHeaders = {
  signature: string
  timestamp: string
  id: string
  eventType: string
}

export type Webhook = {
  name: string
  uid: string
  displayName: string
  description: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  revision: string
  etag: string
  kind: WebhookKind
  hmac?: HmacHeaders
  disabled: boolean
  secret: string
  secretCreateTime?: string
  previousSecretExpireTime?: string
  lastDeliveryTime?: string
  deliveryCount: string
}

export type WebhookDelivery = {
  name: string
  createTime?: string
  deliveryId: string
  eventType: string
  sizeBytes: string
  firings: string[]
  attempts: number
  payload: string
}

export type Event = {
  revision: string
  index: number
  type: EventType
  resourceType: string
  name: string
  uid: string
  project: string
  actor: string
  eventTime?: string
  changedFields: string[]
  transition?: Transition
  matchesFilter: boolean
  truncated: boolean
  projectResource?: Project
  pipeline?: Pipeline
  snapshot?: Snapshot
  run?: Run
  step?: Step
  artifactVersion?: ArtifactVersion
  logStream?: LogStream
  artifact?: Artifact
  model?: Model
  modelVersion?: ModelVersion
  stageRequest?: StageRequest
  runCondition?: RunCondition
  schedule?: Schedule
  build?: Build
  serviceConnector?: ServiceConnector
  stack?: Stack
  component?: Component
  flavor?: Flavor
  secret?: Secret
  trigger?: Trigger
  codeRepository?: CodeRepository
  webhook?: Webhook
  alerter?: Alerter
  savedView?: SavedView
}

export type Transition = {
  from: string
  to: string
  reason: string
}

export type WatchResponse = {
  revision: string
  epoch: string
  events: Event[]
  moreInRevision: boolean
  bookmark?: Bookmark
  notice?: Notice
  endOfStream: boolean
}

export type Bookmark = {
  initialComplete: boolean
}

export type WatchEventsRequest = {
  parent: string
  afterRevision: string
  epoch: string
  resourceTypes: string[]
}

export type ListEventsRequest = {
  parent: string
  afterRevision: string
  pageSize: number
  wait?: string
  resourceTypes: string[]
  epoch: string
}

export type ListEventsResponse = {
  events: Event[]
  revision: string
  more: boolean
}

export type GetFeedInfoRequest = Record<string, never>

export type FeedInfo = {
  epoch: string
  revision: string
  compactRevision: string
}

export type TransitionModelVersionStageRequest = {
  name: string
  stage: ModelStage
  demoteExisting: boolean
  comment: string
  etag: string
  requestId: string
}

export type ListStageTransitionsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListStageTransitionsResponse = {
  stageTransitions: StageTransition[]
  nextPageToken: string
  revision: string
}

export type RequestStageTransitionRequest = {
  parent: string
  stage: ModelStage
  demoteExisting: boolean
  comment: string
  requestId: string
}

export type GetStageRequestRequest = {
  name: string
}

export type ListStageRequestsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListStageRequestsResponse = {
  stageRequests: StageRequest[]
  nextPageToken: string
  revision: string
}

export type ApproveStageRequestRequest = {
  name: string
  comment: string
  requestId: string
}

export type DenyStageRequestRequest = {
  name: string
  comment: string
  requestId: string
}

export type WithdrawStageRequestRequest = {
  name: string
  comment: string
  requestId: string
}

export type GetModelRequest = {
  name: string
}

export type ListModelsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListModelsResponse = {
  models: Model[]
  nextPageToken: string
  revision: string
}

export type CreateModelRequest = {
  parent: string
  modelId: string
  model?: Model
  requestId: string
}

export type UpdateModelRequest = {
  model?: Model
  updateMask?: string
  requestId: string
}

export type DeleteModelRequest = {
  name: string
  etag: string
}

export type GetModelVersionRequest = {
  name: string
}

export type ListModelVersionsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListModelVersionsResponse = {
  modelVersions: ModelVersion[]
  nextPageToken: string
  revision: string
}

export type CreateModelVersionRequest = {
  parent: string
  versionId: string
  modelVersion?: ModelVersion
  requestId: string
}

export type UpdateModelVersionRequest = {
  modelVersion?: ModelVersion
  updateMask?: string
  requestId: string
}

export type DeleteModelVersionRequest = {
  name: string
  etag: string
}

export type LinkModelVersionRequest = {
  name: string
  artifactVersions: string[]
  runs: string[]
}

export type LinkModelVersionResponse = {
  links: ModelVersionLink[]
}

export type UnlinkModelVersionRequest = {
  name: string
  artifactVersions: string[]
  runs: string[]
}

export type ListModelVersionLinksRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListModelVersionLinksResponse = {
  links: ModelVersionLink[]
  nextPageToken: string
  revision: string
}

export type Pool = {
  name: string
  capacity?: Capacity
  cordon?: Cordon
  takesNewRuns: boolean
  orchestrators: string[]
  workloadManagerDisplayName: string
}

export type ListPoolsRequest = {
  pageSize: number
  pageToken: string
}

export type ListPoolsResponse = {
  pools: Pool[]
  nextPageToken: string
  unreachable: string[]
}

export type GetPoolRequest = {
  name: string
}

export type CordonPoolRequest = {
  name: string
  reason: string
}

export type UncordonPoolRequest = {
  name: string
}

export type ArchivedRun = {
  name: string
  runName: string
  pipeline: string
  state: RunState
  creator: string
  createTime?: string
  endTime?: string
  archiveTime?: string
  sizeBytes: string
  uri: string
  run?: Run
  runConditions: RunCondition[]
  logStreamIds: string[]
}

export type PreviewRetentionRequest = {
  parent: string
  policy?: RetentionPolicy
}

export type RetentionPolicy = {
  keepRunDays: number
  keepLastRuns: number
}

export type PreviewRetentionResponse = {
  runs: string[]
  keptRuns: KeptRun[]
  hasMore: boolean
}

export type KeptRun = {
  run: string
  reason: string
}

export type ListArchivedRunsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListArchivedRunsResponse = {
  archivedRuns: ArchivedRun[]
  nextPageToken: string
}

export type GetArchivedRunRequest = {
  name: string
}

export type DeleteArchivedRunRequest = {
  name: string
}

export type ListArchivedStepsRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListArchivedStepsResponse = {
  archivedSteps: ArchivedStep[]
  nextPageToken: string
}

export type ArchivedStep = {
  step?: Step
  attempts: StepAttempt[]
}

export type ReadArchivedLogsRequest = {
  name: string
  logStreamId: string
  offset: string
}

export type ReadArchivedLogsResponse = {
  lines: LogLine[]
  nextOffset: string
  endOfStream: boolean
}

export type RunGraph = {
  steps: GraphStep[]
  artifactVersions: string[]
  edges: GraphEdge[]
  truncated: boolean
  revision: string
}

export type GraphStep = {
  stepId: string
  state: StepState
  mapGroup: string
  itemCounts: { [key: string]: number }
  startTime?: string
  endTime?: string
}

export type GraphEdge = {
  source: string
  target: string
  slot: string
}

export type GetRunRequest = {
  name: string
}

export type ListRunsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListRunsResponse = {
  runs: Run[]
  nextPageToken: string
  revision: string
}

export type CountRunsRequest = {
  parent: string
}

export type CountRunsResponse = {
  counts: { [key: string]: string }
}

export type CreateRunRequest = {
  parent: string
  runId: string
  run?: Run
  requestId: string
}

export type StopRunRequest = {
  name: string
  mode: StopMode
  reason: string
  etag: string
  requestId: string
}

export type RetryRunRequest = {
  name: string
  runId: string
  requestId: string
  fromFailed: boolean
  fromStep: string
  onlyStep: string
}

export type UpdateRunRequest = {
  run?: Run
  updateMask?: string
  requestId: string
}

export type DeleteRunRequest = {
  name: string
  etag: string
}

export type PauseRunRequest = {
  name: string
  reason: string
  etag: string
  requestId: string
}

export type ResumeRunRequest = {
  name: string
  etag: string
  requestId: string
}

export type GetRunGraphRequest = {
  name: string
  showItems: boolean
}

export type GetRunConditionRequest = {
  name: string
  wait?: string
}

export type ListRunConditionsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListRunConditionsResponse = {
  runConditions: RunCondition[]
  nextPageToken: string
  revision: string
}

export type ResolveRunConditionRequest = {
  name: string
  decision: ConditionDecision
  answer?: JsonValue
  comment: string
  etag: string
  requestId: string
}

export type WatchRunRequest = {
  name: string
  afterRevision: string
  sendInitialState: boolean
  epoch: string
  conflate: boolean
}

export type WatchRunsRequest = {
  parent: string
  afterRevision: string
  sendInitialState: boolean
  epoch: string
  filter: string
  conflate: boolean
}

export type GetScheduleRequest = {
  name: string
}

export type ListSchedulesRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListSchedulesResponse = {
  schedules: Schedule[]
  nextPageToken: string
  revision: string
}

export type CreateScheduleRequest = {
  parent: string
  scheduleId: string
  schedule?: Schedule
  requestId: string
  validateOnly: boolean
}

export type UpdateScheduleRequest = {
  schedule?: Schedule
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteScheduleRequest = {
  name: string
  etag: string
}

export type PauseScheduleRequest = {
  name: string
  etag: string
  requestId: string
}

export type ResumeScheduleRequest = {
  name: string
  etag: string
  requestId: string
}

export type TriggerScheduleRequest = {
  name: string
  runId: string
  requestId: string
}

export type BackfillScheduleRequest = {
  name: string
  startTime?: string
  endTime?: string
}

export type BackfillScheduleResponse = {
  runs: Run[]
  presentCount: number
}

export type PreviewScheduleRequest = {
  parent: string
  schedule?: Schedule
  count: number
  after?: string
}

export type PreviewScheduleResponse = {
  fireTimes: string[]
}

export type ListScheduleFiringsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListScheduleFiringsResponse = {
  firings: ScheduleFiring[]
  nextPageToken: string
  revision: string
}

export type SecretStore = {
  backend?: SecretBackend
  backup?: SecretBackend
  migration?: SecretMigration
  backupMissingCount: string
  keys?: SecretKeys
  updateTime?: string
  etag: string
}

export type SecretBackend = {
  vault?: VaultSecrets
  aws?: AwsSecrets
  gcp?: GcpSecrets
  azure?: AzureSecrets
  database?: DatabaseSecrets
}

export type DatabaseSecrets = Record<string, never>

export type VaultSecrets = {
  address: string
  mount: string
  prefix: string
  namespace: string
  token: string
  roleId: string
  secretId: string
  caCertificate: string
}

export type AwsSecrets = {
  region: string
  prefix: string
  endpoint: string
  accessKeyId: string
  secretAccessKey: string
}

export type GcpSecrets = {
  project: string
  prefix: string
  endpoint: string
  serviceAccountKey: string
}

export type AzureSecrets = {
  vaultUri: string
  prefix: string
  tenantId: string
  clientId: string
  clientSecret: string
  authority: string
}

export type SecretMigration = {
  state: SecretMigration_State
  target?: SecretBackend
  movedCount: string
  remainingCount: string
  problem: string
  startTime?: string
  endTime?: string
}

export type SecretKeys = {
  wrappingKey: string
  dataKey: string
  dataKeyTime?: string
  rotating: boolean
}

export type GetSecretStoreRequest = Record<string, never>

export type UpdateSecretStoreRequest = {
  backend?: SecretBackend
  backup?: SecretBackend
  removeBackup: boolean
  etag: string
  requestId: string
}

export type MigrateSecretStoreRequest = {
  target?: SecretBackend
  etag: string
  requestId: string
}

export type RotateSecretKeyRequest = {
  key: RotateSecretKeyRequest_Key
  requestId: string
}

export type GetServerHealthRequest = Record<string, never>

export type ServerHealth = {
  database: string
  databaseVersion: string
  schemaRevision: string
  feedRevision: string
  replicas: Replica[]
  waitingRuns?: WaitingLine
  waitingBuilds?: WaitingLine
  activeRunCount: string
  unresponsiveRunCount: string
  oldestHeartbeatTime?: string
  unshippedAuditRowCount?: string
  lastBackup?: LastBackup
  freeDiskBytes: string
  totalDiskBytes: string
}

export type Replica = {
  uid: string
  version: string
  startTime?: string
  seenTime?: string
}

export type WaitingLine = {
  count: string
  oldestTime?: string
}

export type LastBackup = {
  time?: string
  revision: string
  rowCount: string
}

export type GetUsageRequest = {
  parent: string
}

export type Usage = {
  projectCount: string
  pipelineCount: string
  runCount: string
  activeRunCount: string
  artifactBytes: string
  quotas: QuotaUsage[]
}

export type QuotaUsage = {
  quota: string
  use: string
  limit: string
  state: QuotaState
}

export type GetServerInfoRequest = Record<string, never>

export type ServerInfo = {
  version: string
  minimumClientVersion: string
  features: string[]
  workspace: string
  artifactStoreUri: string
  canRunSnapshots: boolean
  pickleRefused: boolean
}

export type GetSnapshotRequest = {
  name: string
}

export type ListSnapshotsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListSnapshotsResponse = {
  snapshots: Snapshot[]
  nextPageToken: string
  revision: string
}

export type CreateSnapshotRequest = {
  parent: string
  snapshotId: string
  snapshot?: Snapshot
  requestId: string
}

export type RunSnapshotRequest = {
  name: string
  runId: string
  parameters?: Json
  labels: { [key: string]: string }
  cacheDisabled: boolean
  requestId: string
  stepSettings: { [key: string]: StepSettings }
  displayName: string
  stack: string
}

export type UpdateSnapshotRequest = {
  snapshot?: Snapshot
  updateMask?: string
  requestId: string
}

export type DeleteSnapshotRequest = {
  name: string
  etag: string
}

export type PruneSnapshotsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  minimumAge?: string
  validateOnly: boolean
}

export type PruneSnapshotsResponse = {
  snapshots: Snapshot[]
  nextPageToken: string
}

export type PublishSnapshotRequest = {
  name: string
  template: string
  move: boolean
  etag: string
  requestId: string
}

export type UnpublishSnapshotRequest = {
  name: string
  etag: string
  requestId: string
}

export type GetSnapshotParameterSchemaRequest = {
  name: string
}

export type ValidateSnapshotRunRequest = {
  name: string
  parameters?: Json
  stepSettings: { [key: string]: StepSettings }
  stack: string
}

export type ValidateSnapshotRunResponse = {
  problems: RunProblem[]
  warnings: string[]
}

export type GetStatisticsRequest = {
  parent: string
  pipeline: string
  startDay: string
  endDay: string
}

export type ListDailyStatisticsRequest = {
  parent: string
  pipeline: string
  startDay: string
  endDay: string
  pageSize: number
  pageToken: string
}

export type ListDailyStatisticsResponse = {
  dailyStatistics: DailyStatistics[]
  nextPageToken: string
}

export type DailyStatistics = {
  day: string
  statistics?: Statistics
}

export type Statistics = {
  createdRunCount: string
  startedRunCount: string
  succeededRunCount: string
  failedRunCount: string
  stoppedRunCount: string
  runSeconds: string
  succeededStepCount: string
  cachedStepCount: string
  skippedStepCount: string
  failedStepCount: string
  stoppedStepCount: string
  stepSeconds: string
  retryCount: string
}

export type LaunchStepAttemptRequest = {
  step: string
  attempt: number
  arguments: string
  resources?: ResourceSpec
  pod?: PodSettings
  queueTimeout?: string
}

export type ClaimStepAttemptRequest = {
  name: string
  reporter: string
  host: string
  logStream: string
}

export type StepInstructions = {
  run?: Run
  step?: Step
  arguments: string
  artifactStoreUri: string
  heartbeatInterval?: string
  stack?: RunStack
  pickleRefused: boolean
}

export type HeartbeatStepAttemptRequest = {
  name: string
  reporter: string
}

export type HeartbeatStepAttemptResponse = {
  runToken: string
  trustBundlePem: string
}

export type CompleteStepAttemptRequest = {
  name: string
  reporter: string
  outcome: StepState
  failure?: Failure
  outputs: { [key: string]: string }
  metadata?: Json
}

export type GetStepRequest = {
  name: string
}

export type ListStepsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListStepsResponse = {
  steps: Step[]
  nextPageToken: string
  revision: string
}

export type ListStepAttemptsRequest = {
  parent: string
}

export type ListStepAttemptsResponse = {
  stepAttempts: StepAttempt[]
}

export type StopStepRequest = {
  name: string
  mode: StopMode
  grace?: string
  reason: string
  requestId: string
}

export type LookupStepCacheRequest = {
  parent: string
  cacheKey: string
  maxAge?: string
  pipeline: string
  stepId: string
}

export type LookupStepCacheResponse = {
  step?: Step
  nearest?: Step
  nearestKeyParts: { [key: string]: string }
}

export type GetTriggerRequest = {
  name: string
}

export type ListTriggersRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListTriggersResponse = {
  triggers: Trigger[]
  nextPageToken: string
  revision: string
}

export type CreateTriggerRequest = {
  parent: string
  triggerId: string
  trigger?: Trigger
  requestId: string
  validateOnly: boolean
}

export type UpdateTriggerRequest = {
  trigger?: Trigger
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteTriggerRequest = {
  name: string
  etag: string
}

export type ListTriggerFiringsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListTriggerFiringsResponse = {
  firings: TriggerFiring[]
  nextPageToken: string
  revision: string
}

export type GetWebhookRequest = {
  name: string
}

export type ListWebhooksRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  orderBy: string
}

export type ListWebhooksResponse = {
  webhooks: Webhook[]
  nextPageToken: string
  revision: string
}

export type CreateWebhookRequest = {
  parent: string
  webhookId: string
  webhook?: Webhook
  requestId: string
  secret: string
  validateOnly: boolean
}

export type UpdateWebhookRequest = {
  webhook?: Webhook
  updateMask?: string
  requestId: string
  validateOnly: boolean
}

export type DeleteWebhookRequest = {
  name: string
  etag: string
}

export type RotateWebhookSecretRequest = {
  name: string
  overlap?: string
  etag: string
  requestId: string
  secret: string
}

export type ListWebhookDeliveriesRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListWebhookDeliveriesResponse = {
  deliveries: WebhookDelivery[]
  nextPageToken: string
  revision: string
}

export type GetWebhookDeliveryRequest = {
  name: string
}

export type RedeliverWebhookDeliveryRequest = {
  name: string
  requestId: string
}

export type ReceiveWebhookRequest = {
  name: string
  body?: unknown
}

export type ReceiveWebhookResponse = {
  delivery: string
}

export type PodSettings = {
  nodeSelector: { [key: string]: string }
  tolerations: PodToleration[]
  priorityClass: string
  queue: string
  runtimeClass: string
  labels: { [key: string]: string }
  annotations: { [key: string]: string }
  volumes: PodVolume[]
  imagePullPolicy: string
}

export type PodSettings_NodeSelectorEntry = {
  key: string
  value: string
}

export type PodToleration = {
  key: string
  value: string
  effect: string
}

export type PodSettings_LabelsEntry = {
  key: string
  value: string
}

export type PodSettings_AnnotationsEntry = {
  key: string
  value: string
}

export type PodVolume = {
  mountPath: string
  readOnly: boolean
  empty?: EmptyDirectory
  claim?: string
  configMap?: string
}

export type EmptyDirectory = {
  sizeBytes: string
  inMemory: boolean
}

export type PythonEnvironment = {
  executable: string
  host: string
  version: string
  requirements: string[]
}

export type LogLine = {
  offset: string
  time?: string
  level: LogLevel
  origin: LogOrigin
  channel: LogChannel
  message: string
  continued: boolean
  logger: string
  droppedLines: string
}

export type Capacity = {
  engine: string
  place: string
  queue: string
  projects: string[]
  canGrow: boolean
  runningWorkloadCount: number
  queuedWorkloadCount: number
  resources: ResourceCapacity[]
  limits: ResourceLimit[]
  unseen: string[]
}

export type ResourceCapacity = {
  resource: string
  allocatable?: string
  used?: string
  ownUsed: string
  queued: string
  largest?: string
}

export type ResourceLimit = {
  source: string
  resource: string
  limit: string
  used?: string
}

export type Cordon = {
  creator: string
  reason: string
  createTime?: string
}

export const GetAlerter: Unary<GetAlerterRequest, Alerter> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/alerters/*}',
  body: '',
}

export const ListAlerters: Unary<ListAlertersRequest, ListAlertersResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/alerters',
  body: '',
}

export const CreateAlerter: Unary<CreateAlerterRequest, Alerter> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/alerters',
  body: 'alerter',
}

export const UpdateAlerter: Unary<UpdateAlerterRequest, Alerter> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{alerter.name=projects/*/alerters/*}',
  body: 'alerter',
}

export const DeleteAlerter: Unary<DeleteAlerterRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/alerters/*}',
  body: '',
}

export const RotateAlerterSecret: Unary<RotateAlerterSecretRequest, RotateAlerterSecretResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/alerters/*}:rotateSecret',
  body: '*',
}

export const TestAlerter: Unary<TestAlerterRequest, TestAlerterResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/alerters/*}:test',
  body: '*',
}

export const ListAlertDeliveries: Unary<ListAlertDeliveriesRequest, ListAlertDeliveriesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/alerters/*}/deliveries',
  body: '',
}

export const RedeliverAlert: Unary<RedeliverAlertRequest, AlertDelivery> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/alerters/*/deliveries/*}:redeliver',
  body: '*',
}

export const SendRunAlert: Unary<SendRunAlertRequest, SendRunAlertResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{run=projects/*/runs/*}:alert',
  body: '*',
}

export const GetArtifact: Unary<GetArtifactRequest, Artifact> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/artifacts/*}',
  body: '',
}

export const ListArtifacts: Unary<ListArtifactsRequest, ListArtifactsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/artifacts',
  body: '',
}

export const UpdateArtifact: Unary<UpdateArtifactRequest, Artifact> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{artifact.name=projects/*/artifacts/*}',
  body: 'artifact',
}

export const DeleteArtifact: Unary<DeleteArtifactRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/artifacts/*}',
  body: '',
}

export const GetArtifactVersion: Unary<GetArtifactVersionRequest, ArtifactVersion> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/artifacts/*/versions/*}',
  body: '',
}

export const ListArtifactVersions: Unary<ListArtifactVersionsRequest, ListArtifactVersionsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/artifacts/*}/versions',
  body: '',
}

export const CreateArtifactVersion: Unary<CreateArtifactVersionRequest, ArtifactVersion> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*/artifacts/*}/versions',
  body: 'artifact_version',
}

export const UpdateArtifactVersion: Unary<UpdateArtifactVersionRequest, ArtifactVersion> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{artifact_version.name=projects/*/artifacts/*/versions/*}',
  body: 'artifact_version',
}

export const DeleteArtifactVersion: Unary<DeleteArtifactVersionRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/artifacts/*/versions/*}',
  body: '',
}

export const PruneArtifactVersions: Unary<PruneArtifactVersionsRequest, PruneArtifactVersionsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/artifacts:prune',
  body: '*',
}

export const GetVisualization: Unary<GetVisualizationRequest, unknown> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/artifacts/*/versions/*}:visualization',
  body: '',
}

export const CreateDownloadUrl: Unary<CreateDownloadUrlRequest, DownloadUrl> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/artifacts/*/versions/*}:createDownloadUrl',
  body: '*',
}

export const DownloadFile: Stream<DownloadFileRequest, unknown> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/workspace/v1/downloads/{token}',
  body: '',
}

export const BatchCreateArtifactVersions: Unary<BatchCreateArtifactVersionsRequest, BatchCreateArtifactVersionsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/artifacts:batchCreateVersions',
  body: '*',
}

export const GetLineage: Unary<GetLineageRequest, Lineage> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/artifacts/*/versions/*}:lineage',
  body: '',
}

export const GetBuild: Unary<GetBuildRequest, Build> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/builds/*}',
  body: '',
}

export const ListBuilds: Unary<ListBuildsRequest, ListBuildsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/builds',
  body: '',
}

export const CreateBuild: Unary<CreateBuildRequest, Build> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/builds',
  body: 'build',
}

export const CancelBuild: Unary<CancelBuildRequest, Build> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/builds/*}:cancel',
  body: '*',
}

export const TailBuildLog: Stream<TailBuildLogRequest, TailBuildLogResponse> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/builds/*}:tail',
  body: '',
}

export const DeleteBuild: Unary<DeleteBuildRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/builds/*}',
  body: '',
}

export const GetCodeRepository: Unary<GetCodeRepositoryRequest, CodeRepository> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/codeRepositories/*}',
  body: '',
}

export const ListCodeRepositories: Unary<ListCodeRepositoriesRequest, ListCodeRepositoriesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/codeRepositories',
  body: '',
}

export const CreateCodeRepository: Unary<CreateCodeRepositoryRequest, CodeRepository> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/codeRepositories',
  body: 'code_repository',
}

export const UpdateCodeRepository: Unary<UpdateCodeRepositoryRequest, CodeRepository> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{code_repository.name=projects/*/codeRepositories/*}',
  body: 'code_repository',
}

export const DeleteCodeRepository: Unary<DeleteCodeRepositoryRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/codeRepositories/*}',
  body: '',
}

export const VerifyCodeRepository: Unary<VerifyCodeRepositoryRequest, VerifyCodeRepositoryResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/codeRepositories/*}:verify',
  body: '*',
}

export const ResolveRevision: Unary<ResolveRevisionRequest, ResolvedRevision> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/codeRepositories/*}:resolveRevision',
  body: '',
}

export const GetStack: Unary<GetStackRequest, Stack> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=stacks/*}',
  body: '',
}

export const ListStacks: Unary<ListStacksRequest, ListStacksResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/stacks',
  body: '',
}

export const CreateStack: Unary<CreateStackRequest, Stack> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/stacks',
  body: 'stack',
}

export const UpdateStack: Unary<UpdateStackRequest, Stack> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{stack.name=stacks/*}',
  body: 'stack',
}

export const DeleteStack: Unary<DeleteStackRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=stacks/*}',
  body: '',
}

export const ValidateStack: Unary<ValidateStackRequest, ValidationReport> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=stacks/*}:validate',
  body: '*',
}

export const GetComponent: Unary<GetComponentRequest, Component> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=components/*}',
  body: '',
}

export const ListComponents: Unary<ListComponentsRequest, ListComponentsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/components',
  body: '',
}

export const CreateComponent: Unary<CreateComponentRequest, Component> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/components',
  body: 'component',
}

export const UpdateComponent: Unary<UpdateComponentRequest, Component> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{component.name=components/*}',
  body: 'component',
}

export const DeleteComponent: Unary<DeleteComponentRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=components/*}',
  body: '',
}

export const ValidateComponent: Unary<ValidateComponentRequest, ValidationReport> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=components/*}:validate',
  body: '*',
}

export const GetFlavor: Unary<GetFlavorRequest, Flavor> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=flavors/*}',
  body: '',
}

export const ListFlavors: Unary<ListFlavorsRequest, ListFlavorsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/flavors',
  body: '',
}

export const CreateFlavor: Unary<CreateFlavorRequest, Flavor> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/flavors',
  body: 'flavor',
}

export const DeleteFlavor: Unary<DeleteFlavorRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=flavors/*}',
  body: '',
}

export const ClaimRun: Unary<ClaimRunRequest, RunInstructions> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*}:claim',
  body: '*',
}

export const BatchCreateSteps: Unary<BatchCreateStepsRequest, BatchCreateStepsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*/runs/*}/steps:batchCreate',
  body: '*',
}

export const CreateRunCondition: Unary<CreateRunConditionRequest, RunCondition> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*/runs/*}/conditions',
  body: 'run_condition',
}

export const WriteMetadata: Unary<WriteMetadataRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{run=projects/*/runs/*}:writeMetadata',
  body: '*',
}

export const BatchReport: Unary<BatchReportRequest, BatchReportResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{run=projects/*/runs/*}:report',
  body: '*',
}

export const Heartbeat: Unary<HeartbeatRequest, HeartbeatResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{run=projects/*/runs/*}:heartbeat',
  body: '*',
}

export const CreateLogStream: Unary<CreateLogStreamRequest, LogStream> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/logStreams',
  body: 'log_stream',
}

export const GetLogStream: Unary<GetLogStreamRequest, LogStream> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/logStreams/*}',
  body: '',
}

export const ListLogStreams: Unary<ListLogStreamsRequest, ListLogStreamsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/logStreams',
  body: '',
}

export const WriteLogs: Unary<WriteLogsRequest, WriteLogsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{log_stream=projects/*/logStreams/*}:write',
  body: '*',
}

export const SealLogStream: Unary<SealLogStreamRequest, LogStream> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/logStreams/*}:seal',
  body: '*',
}

export const ReadLogs: Unary<ReadLogsRequest, ReadLogsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{log_stream=projects/*/logStreams/*}:read',
  body: '',
}

export const TailLogs: Stream<TailLogsRequest, TailLogsResponse> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/workspace/v1/{log_stream=projects/*/logStreams/*}:tail',
  body: '',
}

export const DownloadLogs: Stream<DownloadLogsRequest, unknown> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/workspace/v1/{log_stream=projects/*/logStreams/*}:download',
  body: '',
}

export const GetPipeline: Unary<GetPipelineRequest, Pipeline> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/pipelines/*}',
  body: '',
}

export const ListPipelines: Unary<ListPipelinesRequest, ListPipelinesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/pipelines',
  body: '',
}

export const GetLatestRuns: Unary<GetLatestRunsRequest, GetLatestRunsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/pipelines:latestRuns',
  body: '',
}

export const UpdatePipeline: Unary<UpdatePipelineRequest, Pipeline> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{pipeline.name=projects/*/pipelines/*}',
  body: 'pipeline',
}

export const DeletePipeline: Unary<DeletePipelineRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/pipelines/*}',
  body: '',
}

export const GetProject: Unary<GetProjectRequest, Project> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*}',
  body: '',
}

export const ListProjects: Unary<ListProjectsRequest, ListProjectsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/projects',
  body: '',
}

export const CreateProject: Unary<CreateProjectRequest, Project> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/projects',
  body: 'project',
}

export const UpdateProject: Unary<UpdateProjectRequest, Project> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{project.name=projects/*}',
  body: 'project',
}

export const DeleteProject: Unary<DeleteProjectRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*}',
  body: '',
}

export const GetSavedView: Unary<GetSavedViewRequest, SavedView> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/savedViews/*}',
  body: '',
}

export const ListSavedViews: Unary<ListSavedViewsRequest, ListSavedViewsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/savedViews',
  body: '',
}

export const CreateSavedView: Unary<CreateSavedViewRequest, SavedView> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/savedViews',
  body: 'saved_view',
}

export const UpdateSavedView: Unary<UpdateSavedViewRequest, SavedView> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{saved_view.name=projects/*/savedViews/*}',
  body: 'saved_view',
}

export const ShareSavedView: Unary<ShareSavedViewRequest, SavedView> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/savedViews/*}:share',
  body: '*',
}

export const DeleteSavedView: Unary<DeleteSavedViewRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/savedViews/*}',
  body: '',
}

export const GetSecret: Unary<GetSecretRequest, Secret> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=secrets/*}',
  body: '',
}

export const ListSecrets: Unary<ListSecretsRequest, ListSecretsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/secrets',
  body: '',
}

export const CreateSecret: Unary<CreateSecretRequest, Secret> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/secrets',
  body: 'secret',
}

export const UpdateSecret: Unary<UpdateSecretRequest, Secret> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{secret.name=secrets/*}',
  body: 'secret',
}

export const DeleteSecret: Unary<DeleteSecretRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=secrets/*}',
  body: '',
}

export const AccessSecret: Unary<AccessSecretRequest, SecretValues> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=secrets/*}:access',
  body: '*',
}

export const BatchAccessSecrets: Unary<BatchAccessSecretsRequest, BatchAccessSecretsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/secrets:batchAccess',
  body: '*',
}

export const ListConnectorTypes: Unary<ListConnectorTypesRequest, ListConnectorTypesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/connectorTypes',
  body: '',
}

export const GetConnectorType: Unary<GetConnectorTypeRequest, ConnectorType> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=connectorTypes/*}',
  body: '',
}

export const GetServiceConnector: Unary<GetServiceConnectorRequest, ServiceConnector> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=serviceConnectors/*}',
  body: '',
}

export const ListServiceConnectors: Unary<ListServiceConnectorsRequest, ListServiceConnectorsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/serviceConnectors',
  body: '',
}

export const CreateServiceConnector: Unary<CreateServiceConnectorRequest, ServiceConnector> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/serviceConnectors',
  body: 'service_connector',
}

export const UpdateServiceConnector: Unary<UpdateServiceConnectorRequest, ServiceConnector> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{service_connector.name=serviceConnectors/*}',
  body: 'service_connector',
}

export const DeleteServiceConnector: Unary<DeleteServiceConnectorRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=serviceConnectors/*}',
  body: '',
}

export const VerifyServiceConnector: Unary<VerifyServiceConnectorRequest, VerifyServiceConnectorResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=serviceConnectors/*}:verify',
  body: '*',
}

export const ListConnectorResources: Unary<ListConnectorResourcesRequest, ListConnectorResourcesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=serviceConnectors/*}/resources',
  body: '',
}

export const IssueCredentials: Unary<IssueCredentialsRequest, IssueCredentialsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=serviceConnectors/*}:issueCredentials',
  body: '*',
}

export const WatchEvents: Stream<WatchEventsRequest, WatchResponse> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/events:watch',
  body: '',
}

export const ListEvents: Unary<ListEventsRequest, ListEventsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/events',
  body: '',
}

export const GetFeedInfo: Unary<GetFeedInfoRequest, FeedInfo> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/feedInfo',
  body: '',
}

export const GetModel: Unary<GetModelRequest, Model> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/models/*}',
  body: '',
}

export const ListModels: Unary<ListModelsRequest, ListModelsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/models',
  body: '',
}

export const CreateModel: Unary<CreateModelRequest, Model> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/models',
  body: 'model',
}

export const UpdateModel: Unary<UpdateModelRequest, Model> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{model.name=projects/*/models/*}',
  body: 'model',
}

export const DeleteModel: Unary<DeleteModelRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/models/*}',
  body: '',
}

export const GetModelVersion: Unary<GetModelVersionRequest, ModelVersion> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/models/*/versions/*}',
  body: '',
}

export const ListModelVersions: Unary<ListModelVersionsRequest, ListModelVersionsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/models/*}/versions',
  body: '',
}

export const CreateModelVersion: Unary<CreateModelVersionRequest, ModelVersion> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*/models/*}/versions',
  body: 'model_version',
}

export const UpdateModelVersion: Unary<UpdateModelVersionRequest, ModelVersion> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{model_version.name=projects/*/models/*/versions/*}',
  body: 'model_version',
}

export const DeleteModelVersion: Unary<DeleteModelVersionRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/models/*/versions/*}',
  body: '',
}

export const TransitionModelVersionStage: Unary<TransitionModelVersionStageRequest, ModelVersion> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/models/*/versions/*}:transitionStage',
  body: '*',
}

export const ListStageTransitions: Unary<ListStageTransitionsRequest, ListStageTransitionsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/models/*}/stageTransitions',
  body: '',
}

export const RequestStageTransition: Unary<RequestStageTransitionRequest, StageRequest> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*/models/*/versions/*}:requestStageTransition',
  body: '*',
}

export const GetStageRequest: Unary<GetStageRequestRequest, StageRequest> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/models/*/stageRequests/*}',
  body: '',
}

export const ListStageRequests: Unary<ListStageRequestsRequest, ListStageRequestsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/models/*}/stageRequests',
  body: '',
}

export const ApproveStageRequest: Unary<ApproveStageRequestRequest, StageRequest> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/models/*/stageRequests/*}:approve',
  body: '*',
}

export const DenyStageRequest: Unary<DenyStageRequestRequest, StageRequest> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/models/*/stageRequests/*}:deny',
  body: '*',
}

export const WithdrawStageRequest: Unary<WithdrawStageRequestRequest, StageRequest> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/models/*/stageRequests/*}:withdraw',
  body: '*',
}

export const LinkModelVersion: Unary<LinkModelVersionRequest, LinkModelVersionResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/models/*/versions/*}:link',
  body: '*',
}

export const UnlinkModelVersion: Unary<UnlinkModelVersionRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/models/*/versions/*}:unlink',
  body: '*',
}

export const ListModelVersionLinks: Unary<ListModelVersionLinksRequest, ListModelVersionLinksResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/models/*/versions/*}/links',
  body: '',
}

export const ListPools: Unary<ListPoolsRequest, ListPoolsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/pools',
  body: '',
}

export const GetPool: Unary<GetPoolRequest, Pool> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=workloadManagers/*/pools/*}',
  body: '',
}

export const CordonPool: Unary<CordonPoolRequest, Pool> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=workloadManagers/*/pools/*}:cordon',
  body: '*',
}

export const UncordonPool: Unary<UncordonPoolRequest, Pool> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=workloadManagers/*/pools/*}:uncordon',
  body: '*',
}

export const PreviewRetention: Unary<PreviewRetentionRequest, PreviewRetentionResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/archivedRuns:preview',
  body: '',
}

export const ListArchivedRuns: Unary<ListArchivedRunsRequest, ListArchivedRunsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/archivedRuns',
  body: '',
}

export const GetArchivedRun: Unary<GetArchivedRunRequest, ArchivedRun> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/archivedRuns/*}',
  body: '',
}

export const ListArchivedSteps: Unary<ListArchivedStepsRequest, ListArchivedStepsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/archivedRuns/*}/steps',
  body: '',
}

export const DeleteArchivedRun: Unary<DeleteArchivedRunRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/archivedRuns/*}',
  body: '',
}

export const ReadArchivedLogs: Unary<ReadArchivedLogsRequest, ReadArchivedLogsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/archivedRuns/*}:readLogs',
  body: '',
}

export const GetRun: Unary<GetRunRequest, Run> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/runs/*}',
  body: '',
}

export const ListRuns: Unary<ListRunsRequest, ListRunsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/runs',
  body: '',
}

export const CountRuns: Unary<CountRunsRequest, CountRunsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/runs:count',
  body: '',
}

export const CreateRun: Unary<CreateRunRequest, Run> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/runs',
  body: 'run',
}

export const UpdateRun: Unary<UpdateRunRequest, Run> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{run.name=projects/*/runs/*}',
  body: 'run',
}

export const DeleteRun: Unary<DeleteRunRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/runs/*}',
  body: '',
}

export const PauseRun: Unary<PauseRunRequest, Run> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*}:pause',
  body: '*',
}

export const ResumeRun: Unary<ResumeRunRequest, Run> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*}:resume',
  body: '*',
}

export const GetRunGraph: Unary<GetRunGraphRequest, RunGraph> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/runs/*}:graph',
  body: '',
}

export const GetRunCondition: Unary<GetRunConditionRequest, RunCondition> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/runs/*/conditions/*}',
  body: '',
}

export const ListRunConditions: Unary<ListRunConditionsRequest, ListRunConditionsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/runs/*}/conditions',
  body: '',
}

export const ResolveRunCondition: Unary<ResolveRunConditionRequest, RunCondition> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*/conditions/*}:resolve',
  body: '*',
}

export const StopRun: Unary<StopRunRequest, Run> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*}:stop',
  body: '*',
}

export const RetryRun: Unary<RetryRunRequest, Run> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*}:retry',
  body: '*',
}

export const WatchRun: Stream<WatchRunRequest, WatchResponse> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/runs/*}:watch',
  body: '',
}

export const WatchRuns: Stream<WatchRunsRequest, WatchResponse> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/runs:watch',
  body: '',
}

export const GetSchedule: Unary<GetScheduleRequest, Schedule> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/schedules/*}',
  body: '',
}

export const ListSchedules: Unary<ListSchedulesRequest, ListSchedulesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/schedules',
  body: '',
}

export const CreateSchedule: Unary<CreateScheduleRequest, Schedule> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/schedules',
  body: 'schedule',
}

export const UpdateSchedule: Unary<UpdateScheduleRequest, Schedule> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{schedule.name=projects/*/schedules/*}',
  body: 'schedule',
}

export const DeleteSchedule: Unary<DeleteScheduleRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/schedules/*}',
  body: '',
}

export const PauseSchedule: Unary<PauseScheduleRequest, Schedule> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/schedules/*}:pause',
  body: '*',
}

export const ResumeSchedule: Unary<ResumeScheduleRequest, Schedule> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/schedules/*}:resume',
  body: '*',
}

export const TriggerSchedule: Unary<TriggerScheduleRequest, Run> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/schedules/*}:trigger',
  body: '*',
}

export const BackfillSchedule: Unary<BackfillScheduleRequest, BackfillScheduleResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/schedules/*}:backfill',
  body: '*',
}

export const PreviewSchedule: Unary<PreviewScheduleRequest, PreviewScheduleResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/schedules:preview',
  body: '*',
}

export const ListScheduleFirings: Unary<ListScheduleFiringsRequest, ListScheduleFiringsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/schedules/*}/firings',
  body: '',
}

export const GetSecretStore: Unary<GetSecretStoreRequest, SecretStore> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/secretStore',
  body: '',
}

export const UpdateSecretStore: Unary<UpdateSecretStoreRequest, SecretStore> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/secretStore',
  body: '*',
}

export const MigrateSecretStore: Unary<MigrateSecretStoreRequest, SecretStore> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/secretStore:migrate',
  body: '*',
}

export const RotateSecretKey: Unary<RotateSecretKeyRequest, SecretStore> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/secretStore:rotateKey',
  body: '*',
}

export const GetServerInfo: Unary<GetServerInfoRequest, ServerInfo> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/serverInfo',
  body: '',
}

export const GetUsage: Unary<GetUsageRequest, Usage> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/usage',
  body: '',
}

export const GetServerHealth: Unary<GetServerHealthRequest, ServerHealth> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/serverHealth',
  body: '',
}

export const GetSnapshot: Unary<GetSnapshotRequest, Snapshot> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/snapshots/*}',
  body: '',
}

export const ListSnapshots: Unary<ListSnapshotsRequest, ListSnapshotsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/snapshots',
  body: '',
}

export const CreateSnapshot: Unary<CreateSnapshotRequest, Snapshot> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/snapshots',
  body: 'snapshot',
}

export const UpdateSnapshot: Unary<UpdateSnapshotRequest, Snapshot> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{snapshot.name=projects/*/snapshots/*}',
  body: 'snapshot',
}

export const DeleteSnapshot: Unary<DeleteSnapshotRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/snapshots/*}',
  body: '',
}

export const PruneSnapshots: Unary<PruneSnapshotsRequest, PruneSnapshotsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/snapshots:prune',
  body: '*',
}

export const PublishSnapshot: Unary<PublishSnapshotRequest, Snapshot> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/snapshots/*}:publish',
  body: '*',
}

export const UnpublishSnapshot: Unary<UnpublishSnapshotRequest, Snapshot> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/snapshots/*}:unpublish',
  body: '*',
}

export const GetSnapshotParameterSchema: Unary<GetSnapshotParameterSchemaRequest, SnapshotParameterSchema> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/snapshots/*}:parameterSchema',
  body: '',
}

export const ValidateSnapshotRun: Unary<ValidateSnapshotRunRequest, ValidateSnapshotRunResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/snapshots/*}:validateRun',
  body: '*',
}

export const RunSnapshot: Unary<RunSnapshotRequest, Run> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/snapshots/*}:run',
  body: '*',
}

export const GetStatistics: Unary<GetStatisticsRequest, Statistics> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/statistics',
  body: '',
}

export const ListDailyStatistics: Unary<ListDailyStatisticsRequest, ListDailyStatisticsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/dailyStatistics',
  body: '',
}

export const LaunchStepAttempt: Unary<LaunchStepAttemptRequest, StepAttempt> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{step=projects/*/runs/*/steps/*}/attempts:launch',
  body: '*',
}

export const ClaimStepAttempt: Unary<ClaimStepAttemptRequest, StepInstructions> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*/steps/*/attempts/*}:claim',
  body: '*',
}

export const HeartbeatStepAttempt: Unary<HeartbeatStepAttemptRequest, HeartbeatStepAttemptResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*/steps/*/attempts/*}:heartbeat',
  body: '*',
}

export const CompleteStepAttempt: Unary<CompleteStepAttemptRequest, StepAttempt> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*/steps/*/attempts/*}:complete',
  body: '*',
}

export const GetStep: Unary<GetStepRequest, Step> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/runs/*/steps/*}',
  body: '',
}

export const ListSteps: Unary<ListStepsRequest, ListStepsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/runs/*}/steps',
  body: '',
}

export const ListStepAttempts: Unary<ListStepAttemptsRequest, ListStepAttemptsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/runs/*/steps/*}/attempts',
  body: '',
}

export const StopStep: Unary<StopStepRequest, Step> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/runs/*/steps/*}:stop',
  body: '*',
}

export const LookupStepCache: Unary<LookupStepCacheRequest, LookupStepCacheResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/steps:lookupCache',
  body: '',
}

export const GetTrigger: Unary<GetTriggerRequest, Trigger> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/triggers/*}',
  body: '',
}

export const ListTriggers: Unary<ListTriggersRequest, ListTriggersResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/triggers',
  body: '',
}

export const CreateTrigger: Unary<CreateTriggerRequest, Trigger> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/triggers',
  body: 'trigger',
}

export const UpdateTrigger: Unary<UpdateTriggerRequest, Trigger> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{trigger.name=projects/*/triggers/*}',
  body: 'trigger',
}

export const DeleteTrigger: Unary<DeleteTriggerRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/triggers/*}',
  body: '',
}

export const ListTriggerFirings: Unary<ListTriggerFiringsRequest, ListTriggerFiringsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/triggers/*}/firings',
  body: '',
}

export const GetWebhook: Unary<GetWebhookRequest, Webhook> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/webhooks/*}',
  body: '',
}

export const ListWebhooks: Unary<ListWebhooksRequest, ListWebhooksResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*}/webhooks',
  body: '',
}

export const CreateWebhook: Unary<CreateWebhookRequest, Webhook> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{parent=projects/*}/webhooks',
  body: 'webhook',
}

export const UpdateWebhook: Unary<UpdateWebhookRequest, Webhook> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/workspace/v1/{webhook.name=projects/*/webhooks/*}',
  body: 'webhook',
}

export const DeleteWebhook: Unary<DeleteWebhookRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/workspace/v1/{name=projects/*/webhooks/*}',
  body: '',
}

export const RotateWebhookSecret: Unary<RotateWebhookSecretRequest, Webhook> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/webhooks/*}:rotateSecret',
  body: '*',
}

export const ListWebhookDeliveries: Unary<ListWebhookDeliveriesRequest, ListWebhookDeliveriesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{parent=projects/*/webhooks/*}/deliveries',
  body: '',
}

export const GetWebhookDelivery: Unary<GetWebhookDeliveryRequest, WebhookDelivery> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/workspace/v1/{name=projects/*/webhooks/*/deliveries/*}',
  body: '',
}

export const RedeliverWebhookDelivery: Unary<RedeliverWebhookDeliveryRequest, WebhookDelivery> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/webhooks/*/deliveries/*}:redeliver',
  body: '*',
}

export const ReceiveWebhook: Unary<ReceiveWebhookRequest, ReceiveWebhookResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/workspace/v1/{name=projects/*/webhooks/*}:receive',
  body: 'body',
}
