// Made by `make protos`; never edited.
import type { Operation, Stream, Unary } from './method'

export type ActorKind =
  | 'ACTOR_KIND_UNSPECIFIED'
  | 'ACTOR_KIND_ANONYMOUS'
  | 'ACTOR_KIND_USER'
  | 'ACTOR_KIND_SERVICE_ACCOUNT'
  | 'ACTOR_KIND_RUN'
  | 'ACTOR_KIND_PEER'
  | 'ACTOR_KIND_SYSTEM'

export type AuditCheckpointKind =
  | 'AUDIT_CHECKPOINT_KIND_UNSPECIFIED'
  | 'AUDIT_CHECKPOINT_KIND_CHECKPOINT'
  | 'AUDIT_CHECKPOINT_KIND_ANCHOR'

export type DeviceAuthorizationState =
  | 'DEVICE_AUTHORIZATION_STATE_UNSPECIFIED'
  | 'DEVICE_AUTHORIZATION_STATE_PENDING'
  | 'DEVICE_AUTHORIZATION_STATE_APPROVED'
  | 'DEVICE_AUTHORIZATION_STATE_DENIED'
  | 'DEVICE_AUTHORIZATION_STATE_USED'

export type RolloverPhase =
  | 'ROLLOVER_PHASE_UNSPECIFIED'
  | 'ROLLOVER_PHASE_STANDBY'
  | 'ROLLOVER_PHASE_TRUSTING'
  | 'ROLLOVER_PHASE_ISSUING'

export type RootState =
  | 'ROOT_STATE_UNSPECIFIED'
  | 'ROOT_STATE_ACTIVE'
  | 'ROOT_STATE_INCOMING'
  | 'ROOT_STATE_OUTGOING'

export type WorkspaceState =
  | 'WORKSPACE_STATE_UNSPECIFIED'
  | 'WORKSPACE_STATE_ENROLLING'
  | 'WORKSPACE_STATE_ACTIVE'
  | 'WORKSPACE_STATE_DEGRADED'
  | 'WORKSPACE_STATE_UNREACHABLE'
  | 'WORKSPACE_STATE_CREATING'
  | 'WORKSPACE_STATE_UPGRADING'
  | 'WORKSPACE_STATE_SUSPENDED'
  | 'WORKSPACE_STATE_DELETING'
  | 'WORKSPACE_STATE_FAILED'

export type DeploymentMode =
  | 'DEPLOYMENT_MODE_UNSPECIFIED'
  | 'DEPLOYMENT_MODE_PROVISIONED'
  | 'DEPLOYMENT_MODE_HYBRID'

export type UpgradePolicy =
  | 'UPGRADE_POLICY_UNSPECIFIED'
  | 'UPGRADE_POLICY_MANUAL'
  | 'UPGRADE_POLICY_AUTOMATIC'

export type EnrollmentState =
  | 'ENROLLMENT_STATE_UNSPECIFIED'
  | 'ENROLLMENT_STATE_PENDING'
  | 'ENROLLMENT_STATE_USED'
  | 'ENROLLMENT_STATE_REVOKED'
  | 'ENROLLMENT_STATE_EXPIRED'

export type IdentityProviderKind =
  | 'IDENTITY_PROVIDER_KIND_UNSPECIFIED'
  | 'IDENTITY_PROVIDER_KIND_OIDC'
  | 'IDENTITY_PROVIDER_KIND_GITHUB'

export type JoinPolicy =
  | 'JOIN_POLICY_UNSPECIFIED'
  | 'JOIN_POLICY_MEMBERS_ONLY'
  | 'JOIN_POLICY_TRUSTED_DOMAINS'
  | 'JOIN_POLICY_ANYONE'

export type TrustedDomainState =
  | 'TRUSTED_DOMAIN_STATE_UNSPECIFIED'
  | 'TRUSTED_DOMAIN_STATE_PENDING'
  | 'TRUSTED_DOMAIN_STATE_VERIFIED'

export type MemberState =
  | 'MEMBER_STATE_UNSPECIFIED'
  | 'MEMBER_STATE_ACTIVE'
  | 'MEMBER_STATE_DEACTIVATED'

export type InvitationState =
  | 'INVITATION_STATE_UNSPECIFIED'
  | 'INVITATION_STATE_PENDING'
  | 'INVITATION_STATE_ACCEPTED'
  | 'INVITATION_STATE_DECLINED'
  | 'INVITATION_STATE_REVOKED'
  | 'INVITATION_STATE_EXPIRED'

export type OperationKind =
  | 'OPERATION_KIND_UNSPECIFIED'
  | 'OPERATION_KIND_CREATE'
  | 'OPERATION_KIND_SUSPEND'
  | 'OPERATION_KIND_RESUME'
  | 'OPERATION_KIND_UPGRADE'
  | 'OPERATION_KIND_DELETE'

export type WorkspaceChangeType =
  | 'WORKSPACE_CHANGE_TYPE_UNSPECIFIED'
  | 'WORKSPACE_CHANGE_TYPE_SNAPSHOT'
  | 'WORKSPACE_CHANGE_TYPE_CHANGED'
  | 'WORKSPACE_CHANGE_TYPE_REMOVED'

export type PeerRole =
  | 'PEER_ROLE_UNSPECIFIED'
  | 'PEER_ROLE_CONTROL_PLANE'
  | 'PEER_ROLE_WORKSPACE'
  | 'PEER_ROLE_WORKLOAD_MANAGER'
  | 'PEER_ROLE_GATEWAY'
  | 'PEER_ROLE_ANY'

export type Permission = {
  permission: string
  description: string
  methods: string[]
  roles: string[]
}

export type Role = {
  name: string
  uid: string
  displayName: string
  description: string
  creator: string
  createTime?: string
  updateTime?: string
  etag: string
  permissions: string[]
  builtIn: boolean
}

export type RoleBinding = {
  name: string
  uid: string
  creator: string
  createTime?: string
  subject: string
  role: string
  resource: string
  expireTime?: string
}

export type ListPermissionsRequest = {
  pageSize: number
  pageToken: string
}

export type ListPermissionsResponse = {
  permissions: Permission[]
  nextPageToken: string
}

export type GetRoleRequest = {
  name: string
}

export type ListRolesRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListRolesResponse = {
  roles: Role[]
  nextPageToken: string
}

export type CreateRoleRequest = {
  parent: string
  roleId: string
  role?: Role
  requestId: string
}

export type UpdateRoleRequest = {
  role?: Role
  updateMask?: string
  requestId: string
}

export type DeleteRoleRequest = {
  name: string
  etag: string
}

export type GetRoleBindingRequest = {
  name: string
}

export type CreateRoleBindingRequest = {
  parent: string
  roleBinding?: RoleBinding
  requestId: string
}

export type ListRoleBindingsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListRoleBindingsResponse = {
  roleBindings: RoleBinding[]
  nextPageToken: string
}

export type DeleteRoleBindingRequest = {
  name: string
}

export type TestPermissionsRequest = {
  resource: string
  permissions: string[]
}

export type TestPermissionsResponse = {
  permissions: string[]
}

export type GetEffectivePermissionsRequest = {
  resource: string
  subject: string
  permissions: string[]
}

export type EffectivePermissions = {
  resource: string
  permissions: EffectivePermission[]
  grants: EffectiveGrant[]
}

export type EffectivePermission = {
  permission: string
  roleBindings: string[]
}

export type EffectiveGrant = {
  roleBinding: string
  role: string
  resource: string
  team: string
  expireTime?: string
}

export type AuditActor = {
  kind: ActorKind
  subject: string
  displayName: string
  peer: string
  address: string
  userAgent: string
}

export type AuditEvent = {
  name: string
  uid: string
  chain: string
  sequence: string
  time?: string
  actor?: AuditActor
  action: string
  method: string
  resource: string
  workspace: string
  changedFields: string[]
  outcome: string
  reason: string
  requestId: string
  traceId: string
  hash: string
}

export type AuditCheckpoint = {
  chain: string
  sequence: string
  hash: string
  kind: AuditCheckpointKind
  time?: string
  kid: string
  signature: string
}

export type GetAuditEventRequest = {
  name: string
}

export type ListAuditEventsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
  platform: boolean
}

export type ListAuditEventsResponse = {
  auditEvents: AuditEvent[]
  nextPageToken: string
}

export type ExportAuditEventsRequest = {
  parent: string
  afterSequence: string
  platform: boolean
}

export type VerifyAuditChainRequest = {
  parent: string
  afterSequence: string
  platform: boolean
}

export type VerifyAuditChainResponse = {
  verifiedCount: string
  lastSequence: string
  signedSequence: string
  complete: boolean
  broken?: AuditBreak
}

export type AuditBreak = {
  sequence: string
  problem: string
}

export type ListAuditCheckpointsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  platform: boolean
}

export type ListAuditCheckpointsResponse = {
  auditCheckpoints: AuditCheckpoint[]
  nextPageToken: string
}

export type GetAuditKeysRequest = Record<string, never>

export type RotateAuditKeyRequest = {
  organization: string
  kid: string
}

export type GetAuthConfigRequest = {
  organization: string
}

export type AuthConfig = {
  setupRequired: boolean
  localAccounts: boolean
  verificationUri: string
  loginOptions: LoginOption[]
}

export type LoginOption = {
  identityProvider: string
  displayName: string
}

export type BeginOidcLoginRequest = {
  identityProvider: string
  redirectUri: string
  codeChallenge: string
  state: string
}

export type BeginOidcLoginResponse = {
  authorizationUri: string
  expireTime?: string
}

export type CompleteOidcLoginRequest = {
  identityProvider: string
  state: string
  code: string
  iss: string
  error: string
}

export type CompleteOidcLoginResponse = {
  redirectUri: string
}

export type CreateFirstAdministratorRequest = {
  setupToken: string
  email: string
  displayName: string
  password: string
  browser: boolean
}

export type SignInRequest = {
  email: string
  password: string
  browser: boolean
}

export type TokenSet = {
  accessToken: string
  expireTime?: string
  refreshToken: string
  subject: string
  audience: string
  sessionToken: string
  sourceExpireTime?: string
}

export type StartDeviceAuthorizationRequest = {
  clientName: string
  organization: string
}

export type DeviceAuthorization = {
  deviceCode: string
  userCode: string
  verificationUri: string
  verificationUriComplete: string
  expireTime?: string
  interval?: string
  clientName: string
  address: string
  createTime?: string
  state: DeviceAuthorizationState
  sameAddress: boolean
}

export type GetDeviceAuthorizationRequest = {
  userCode: string
}

export type ApproveDeviceRequest = {
  userCode: string
}

export type DenyDeviceRequest = {
  userCode: string
}

export type ExchangeTokenRequest = {
  deviceCode?: string
  refreshToken?: string
  personalAccessToken?: string
  apiKey?: string
  idToken?: IdTokenGrant
  authorizationCode?: AuthorizationCodeGrant
  sessionToken?: string
  signInCode?: string
}

export type IdTokenGrant = {
  idToken: string
  serviceAccount: string
}

export type AuthorizationCodeGrant = {
  code: string
  codeVerifier: string
  browser: boolean
}

export type RevokeTokenRequest = {
  token: string
}

export type MintWorkspaceTokenRequest = {
  workspace: string
}

export type CreateSignInLinkRequest = {
  path: string
}

export type SignInLink = {
  uri: string
  expireTime?: string
}

export type GetJwksRequest = Record<string, never>

export type RotateSigningKeyRequest = {
  organization: string
  requestId: string
  compromised: boolean
}

export type GetCurrentPrincipalRequest = Record<string, never>

export type Principal = {
  subject: string
  email: string
  displayName: string
  tokenExpireTime?: string
  roles: HeldRole[]
  name: string
  scope: string[]
}

export type HeldRole = {
  role: string
  resource: string
}

export type CertificateAuthority = {
  name: string
  phase: RolloverPhase
  roots: RootCertificate[]
  waitingFor: string[]
}

export type RootCertificate = {
  fingerprint: string
  state: RootState
  certificatePem: string
  createTime?: string
  expireTime?: string
  holderCount: number
}

export type GetCertificateAuthorityRequest = {
  name: string
}

export type StartRolloverRequest = {
  name: string
  requestId: string
}

export type AdvanceRolloverRequest = {
  name: string
  force: boolean
  requestId: string
}

export type RevertRolloverRequest = {
  name: string
  requestId: string
}

export type Workspace = {
  name: string
  uid: string
  displayName: string
  labels: { [key: string]: string }
  creator: string
  createTime?: string
  updateTime?: string
  etag: string
  state: WorkspaceState
  stateReason: string
  endpoint: string
  version: string
  lastHeartbeatTime?: string
  healthChecks: HealthCheck[]
  stateTime?: string
  deploymentMode: DeploymentMode
  targetVersion: string
  upgradePolicy: UpgradePolicy
  operation: string
  policyRevision: string
  drift: string
  usage?: WorkspaceUsage
}

export type WorkspaceUsage = {
  projectCount: string
  pipelineCount: string
  runCount: string
  activeRunCount: string
  artifactBytes: string
}

export type HealthCheck = {
  name: string
  healthy: boolean
  message: string
}

export type EnrollRequest = {
  token: string
  certificateRequestPem: string
}

export type EnrollResponse = {
  certificate?: IssuedCertificate
  meshEndpoint: string
  controlPlaneSpiffeId: string
}

export type IssuedCertificate = {
  spiffeId: string
  certificateChainPem: string
  trustBundlePem: string
  expireTime?: string
}

export type RenewCertificateRequest = {
  certificateRequestPem: string
}

export type RenewCertificateResponse = {
  certificate?: IssuedCertificate
}

export type LinkRequest = {
  hello?: LinkHello
  health?: LinkHealth
  audit?: AuditBatch
}

export type LinkHello = {
  version: string
  edgeEndpoint: string
  meshEndpoint: string
  features: string[]
}

export type LinkHealth = {
  checks: HealthCheck[]
  policyRevision: string
  trustedRoots: string[]
  usage?: WorkspaceUsage
}

export type LinkResponse = {
  policy?: Policy
  keys?: JsonWebKeySet
  trust?: Trust
  directory?: Directory
  heartbeat?: LinkHeartbeat
  auditPosition?: AuditPosition
}

export type Policy = {
  revision: string
  time?: string
  maxAge?: string
  roles: PolicyRole[]
  grants: PolicyGrant[]
  revocations: Revocation[]
  workspace: string
}

export type PolicyRole = {
  role: string
  permissions: string[]
}

export type PolicyGrant = {
  subject: string
  role: string
  resource: string
  expireTime?: string
}

export type Revocation = {
  subject: string
  notBefore?: string
}

export type Trust = {
  trustBundlePem: string
  deniedSerials: string[]
  signingRoot: string
}

export type Directory = {
  peers: DirectoryPeer[]
}

export type DirectoryPeer = {
  spiffeId: string
  role: PeerRole
  meshEndpoint: string
  edgeEndpoint: string
  workspaces: string[]
  displayName: string
}

export type LinkHeartbeat = {
  time?: string
}

export type AuditPosition = {
  sequence: string
  hash: string
}

export type AuditBatch = {
  after?: AuditPosition
  records: AuditRecord[]
  replaced: boolean
}

export type AuditRecord = {
  uid: string
  time?: string
  method: string
  action: string
  actorKind: string
  actor: string
  actorName: string
  peer: string
  address: string
  userAgent: string
  resource: string
  fields: string[]
  code: number
  reason: string
  requestId: string
  traceId: string
  hash: string
  sequence: string
}

export type Enrollment = {
  name: string
  uid: string
  displayName: string
  creator: string
  createTime?: string
  role: PeerRole
  workspaces: string[]
  hostNames: string[]
  state: EnrollmentState
  expireTime?: string
  spiffeId: string
  allWorkspaces: boolean
}

export type CreateEnrollmentRequest = {
  parent: string
  enrollment?: Enrollment
  ttl?: string
}

export type CreateEnrollmentResponse = {
  enrollment?: Enrollment
  token: string
}

export type ListEnrollmentsRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListEnrollmentsResponse = {
  enrollments: Enrollment[]
  nextPageToken: string
}

export type UpdateEnrollmentRequest = {
  enrollment?: Enrollment
  updateMask?: string
}

export type RevokeEnrollmentRequest = {
  name: string
}

export type FederatedCredential = {
  name: string
  uid: string
  displayName: string
  description: string
  creator: string
  createTime?: string
  updateTime?: string
  etag: string
  issuer: string
  audience: string
  subject: string
  conditions: ClaimCondition[]
  reusable: boolean
  lastUsedTime?: string
}

export type ClaimCondition = {
  claim: string
  value: string
}

export type GetFederatedCredentialRequest = {
  name: string
}

export type ListFederatedCredentialsRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListFederatedCredentialsResponse = {
  federatedCredentials: FederatedCredential[]
  nextPageToken: string
}

export type CreateFederatedCredentialRequest = {
  parent: string
  federatedCredentialId: string
  federatedCredential?: FederatedCredential
  requestId: string
}

export type UpdateFederatedCredentialRequest = {
  federatedCredential?: FederatedCredential
  updateMask?: string
  requestId: string
}

export type DeleteFederatedCredentialRequest = {
  name: string
}

export type IdentityProvider = {
  name: string
  uid: string
  displayName: string
  creator: string
  createTime?: string
  updateTime?: string
  etag: string
  kind: IdentityProviderKind
  issuer: string
  clientId: string
  clientSecret: string
  scopes: string[]
  groupsClaim: string
  allowedGroups: string[]
  joinPolicy: JoinPolicy
  disabled: boolean
  groupMappings: GroupMapping[]
  redirectUri: string
}

export type GroupMapping = {
  group: string
  team: string
}

export type GetIdentityProviderRequest = {
  name: string
}

export type ListIdentityProvidersRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListIdentityProvidersResponse = {
  identityProviders: IdentityProvider[]
  nextPageToken: string
}

export type CreateIdentityProviderRequest = {
  parent: string
  identityProviderId: string
  identityProvider?: IdentityProvider
  requestId: string
}

export type UpdateIdentityProviderRequest = {
  identityProvider?: IdentityProvider
  updateMask?: string
  requestId: string
}

export type DeleteIdentityProviderRequest = {
  name: string
  etag: string
}

export type TestIdentityProviderRequest = {
  name: string
}

export type TestIdentityProviderResponse = {
  healthy: boolean
  checks: IdentityProviderCheck[]
}

export type IdentityProviderCheck = {
  name: string
  healthy: boolean
  message: string
}

export type TrustedDomain = {
  name: string
  uid: string
  creator: string
  createTime?: string
  domain: string
  state: TrustedDomainState
  recordName: string
  recordValue: string
  verifyTime?: string
}

export type ListTrustedDomainsRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListTrustedDomainsResponse = {
  trustedDomains: TrustedDomain[]
  nextPageToken: string
}

export type AddTrustedDomainRequest = {
  parent: string
  domain: string
  requestId: string
}

export type VerifyTrustedDomainRequest = {
  name: string
}

export type RemoveTrustedDomainRequest = {
  name: string
}

export type Member = {
  name: string
  uid: string
  displayName: string
  createTime?: string
  user: string
  email: string
  state: MemberState
}

export type GetMemberRequest = {
  name: string
}

export type ListMembersRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListMembersResponse = {
  members: Member[]
  nextPageToken: string
}

export type RemoveMemberRequest = {
  name: string
}

export type DeactivateMemberRequest = {
  name: string
}

export type ReactivateMemberRequest = {
  name: string
}

export type EraseMemberRequest = {
  name: string
}

export type CreateRecoveryTokenRequest = {
  name: string
}

export type CreateRecoveryTokenResponse = {
  email: string
  passwordToken: string
  expireTime?: string
}

export type InvitedRole = {
  role: string
  resource: string
}

export type Invitation = {
  name: string
  uid: string
  creator: string
  createTime?: string
  email: string
  roles: InvitedRole[]
  teams: string[]
  expireTime?: string
  state: InvitationState
  endTime?: string
  member: string
  rolesLeftOut: InvitedRole[]
  teamsLeftOut: string[]
}

export type CreateInvitationRequest = {
  parent: string
  invitation?: Invitation
  requestId: string
}

export type CreateInvitationResponse = {
  invitation?: Invitation
  token: string
}

export type GetInvitationRequest = {
  name: string
}

export type ListInvitationsRequest = {
  parent: string
  pageSize: number
  pageToken: string
  filter: string
}

export type ListInvitationsResponse = {
  invitations: Invitation[]
  nextPageToken: string
}

export type ResendInvitationRequest = {
  name: string
}

export type ResendInvitationResponse = {
  invitation?: Invitation
  token: string
}

export type RevokeInvitationRequest = {
  name: string
}

export type InspectInvitationRequest = {
  token: string
}

export type InspectInvitationResponse = {
  invitation?: Invitation
  organizationDisplayName: string
  accountExists: boolean
}

export type AcceptInvitationRequest = {
  token: string
  displayName: string
  password: string
}

export type DeclineInvitationRequest = {
  token: string
}

export type WorkspaceOperation = {
  name: string
  workspace: string
  kind: OperationKind
  progress: string
  creator: string
  createTime?: string
  endTime?: string
  expireTime?: string
  cancelRequested: boolean
  targetVersion: string
}

export type GetOperationRequest = {
  name: string
}

export type ListOperationsRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListOperationsResponse = {
  operations: Operation[]
  nextPageToken: string
}

export type CancelOperationRequest = {
  name: string
}

export type WaitOperationRequest = {
  name: string
  timeout?: string
}

export type Organization = {
  name: string
  uid: string
  displayName: string
  createTime?: string
  updateTime?: string
  etag: string
}

export type GetOrganizationRequest = {
  name: string
}

export type ListOrganizationsRequest = {
  pageSize: number
  pageToken: string
}

export type ListOrganizationsResponse = {
  organizations: Organization[]
  nextPageToken: string
}

export type CreateOrganizationRequest = {
  organizationId: string
  organization?: Organization
  requestId: string
}

export type UpdateOrganizationRequest = {
  organization?: Organization
  updateMask?: string
  requestId: string
}

export type DeleteOrganizationRequest = {
  name: string
  etag: string
}

export type LeaveOrganizationRequest = {
  name: string
}

export type ServiceAccount = {
  name: string
  uid: string
  displayName: string
  description: string
  creator: string
  createTime?: string
  updateTime?: string
  etag: string
  disableTime?: string
}

export type GetServiceAccountRequest = {
  name: string
}

export type ListServiceAccountsRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListServiceAccountsResponse = {
  serviceAccounts: ServiceAccount[]
  nextPageToken: string
}

export type CreateServiceAccountRequest = {
  parent: string
  serviceAccountId: string
  serviceAccount?: ServiceAccount
  requestId: string
}

export type UpdateServiceAccountRequest = {
  serviceAccount?: ServiceAccount
  updateMask?: string
  requestId: string
}

export type DeleteServiceAccountRequest = {
  name: string
  etag: string
}

export type DisableServiceAccountRequest = {
  name: string
  etag: string
}

export type EnableServiceAccountRequest = {
  name: string
  etag: string
}

export type ApiKey = {
  name: string
  uid: string
  displayName: string
  creator: string
  createTime?: string
  updateTime?: string
  etag: string
  expireTime?: string
  lastUsedTime?: string
  prefix: string
}

export type GetApiKeyRequest = {
  name: string
}

export type ListApiKeysRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListApiKeysResponse = {
  apiKeys: ApiKey[]
  nextPageToken: string
}

export type CreateApiKeyRequest = {
  parent: string
  apiKey?: ApiKey
}

export type CreateApiKeyResponse = {
  apiKey?: ApiKey
  secret: string
}

export type UpdateApiKeyRequest = {
  apiKey?: ApiKey
  updateMask?: string
  requestId: string
}

export type DeleteApiKeyRequest = {
  name: string
}

export type RotateApiKeyRequest = {
  name: string
  retainPeriod?: string
}

export type RotateApiKeyResponse = {
  apiKey?: ApiKey
  secret: string
  replacedKey?: ApiKey
}

export type Session = {
  name: string
  uid: string
  createTime?: string
  origin: string
  client: string
  address: string
  lastUsedTime?: string
  expireTime?: string
  current: boolean
}

export type ListSessionsRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListSessionsResponse = {
  sessions: Session[]
  nextPageToken: string
}

export type RevokeSessionRequest = {
  name: string
}

export type RevokeAllSessionsRequest = {
  parent: string
  keepCurrent: boolean
}

export type RevokeAllSessionsResponse = {
  revokedCount: number
}

export type GetServerInfoRequest = Record<string, never>

export type ServerInfo = {
  version: string
  minimumClientVersion: string
  features: string[]
  caFingerprint: string
  trustBundlePem: string
  gatewayUrl: string
}

export type Team = {
  name: string
  uid: string
  displayName: string
  description: string
  creator: string
  createTime?: string
  updateTime?: string
  etag: string
}

export type TeamMember = {
  name: string
  uid: string
  creator: string
  createTime?: string
  member: string
}

export type GetTeamRequest = {
  name: string
}

export type ListTeamsRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListTeamsResponse = {
  teams: Team[]
  nextPageToken: string
}

export type CreateTeamRequest = {
  parent: string
  teamId: string
  team?: Team
  requestId: string
}

export type UpdateTeamRequest = {
  team?: Team
  updateMask?: string
  requestId: string
}

export type DeleteTeamRequest = {
  name: string
  etag: string
}

export type ListTeamMembersRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListTeamMembersResponse = {
  teamMembers: TeamMember[]
  nextPageToken: string
}

export type AddTeamMembersRequest = {
  name: string
  members: string[]
  requestId: string
}

export type AddTeamMembersResponse = {
  teamMembers: TeamMember[]
}

export type RemoveTeamMembersRequest = {
  name: string
  members: string[]
}

export type User = {
  name: string
  uid: string
  displayName: string
  createTime?: string
  email: string
  hasPassword: boolean
}

export type GetUserRequest = {
  name: string
}

export type UpdateUserRequest = {
  user?: User
  updateMask?: string
  requestId: string
}

export type CreateUserRequest = {
  organization: string
  user?: User
  requestId: string
}

export type CreateUserResponse = {
  user?: User
  passwordToken: string
}

export type SetPasswordRequest = {
  email: string
  passwordToken?: string
  currentPassword?: string
  newPassword: string
}

export type PersonalAccessToken = {
  name: string
  uid: string
  displayName: string
  createTime?: string
  expireTime?: string
  lastUsedTime?: string
  prefix: string
  scopes: string[]
}

export type CreatePersonalAccessTokenRequest = {
  parent: string
  personalAccessToken?: PersonalAccessToken
}

export type CreatePersonalAccessTokenResponse = {
  personalAccessToken?: PersonalAccessToken
  secret: string
}

export type ListPersonalAccessTokensRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListPersonalAccessTokensResponse = {
  personalAccessTokens: PersonalAccessToken[]
  nextPageToken: string
}

export type DeletePersonalAccessTokenRequest = {
  name: string
}

export type ListMemberTokensRequest = {
  organization: string
  pageSize: number
  pageToken: string
}

export type ListMemberTokensResponse = {
  personalAccessTokens: PersonalAccessToken[]
  nextPageToken: string
}

export type RevokeMemberTokenRequest = {
  organization: string
  name: string
}

export type GetWorkspaceRequest = {
  name: string
}

export type ListWorkspacesRequest = {
  parent: string
  pageSize: number
  pageToken: string
}

export type ListWorkspacesResponse = {
  workspaces: Workspace[]
  nextPageToken: string
  revision: string
}

export type WatchWorkspacesRequest = {
  parent: string
  afterRevision: string
  epoch: string
  sendInitialState: boolean
}

export type WorkspaceChange = {
  type: WorkspaceChangeType
  name: string
  uid: string
  workspace?: Workspace
}

export type WatchWorkspacesResponse = {
  revision: string
  epoch: string
  changes: WorkspaceChange[]
  moreInRevision: boolean
  bookmark?: WatchBookmark
  notice?: WatchNotice
}

export type WatchBookmark = {
  initialComplete: boolean
}

export type WatchNotice = {
  reconnect: boolean
  reason: string
}

export type RegisterWorkspaceRequest = {
  parent: string
  workspaceId: string
  displayName: string
  requestId: string
}

export type CreateWorkspaceRequest = {
  parent: string
  workspaceId: string
  workspace?: Workspace
  version: string
  requestId: string
}

export type UpdateWorkspaceRequest = {
  workspace?: Workspace
  updateMask?: string
  requestId: string
}

export type SuspendWorkspaceRequest = {
  name: string
  etag: string
  requestId: string
}

export type ResumeWorkspaceRequest = {
  name: string
  etag: string
  requestId: string
}

export type UpgradeWorkspaceRequest = {
  name: string
  targetVersion: string
  etag: string
  requestId: string
}

export type DeleteWorkspaceRequest = {
  name: string
  removeData: boolean
  etag: string
  requestId: string
}

export type ListAvailableVersionsRequest = {
  parent: string
}

export type ListAvailableVersionsResponse = {
  versions: string[]
}

export type DeregisterWorkspaceRequest = {
  name: string
  etag: string
}

export type JsonWebKeySet = {
  keys: JsonWebKey[]
}

export type JsonWebKey = {
  kty: string
  crv: string
  x: string
  y: string
  kid: string
  alg: string
  use: string
}

export const ListPermissions: Unary<ListPermissionsRequest, ListPermissionsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/permissions',
  body: '',
}

export const GetRole: Unary<GetRoleRequest, Role> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/roles/*}',
  body: '',
}

export const ListRoles: Unary<ListRolesRequest, ListRolesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/roles',
  body: '',
}

export const CreateRole: Unary<CreateRoleRequest, Role> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/roles',
  body: 'role',
}

export const UpdateRole: Unary<UpdateRoleRequest, Role> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{role.name=organizations/*/roles/*}',
  body: 'role',
}

export const DeleteRole: Unary<DeleteRoleRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/roles/*}',
  body: '',
}

export const GetRoleBinding: Unary<GetRoleBindingRequest, RoleBinding> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/roleBindings/*}',
  body: '',
}

export const ListRoleBindings: Unary<ListRoleBindingsRequest, ListRoleBindingsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/roleBindings',
  body: '',
}

export const CreateRoleBinding: Unary<CreateRoleBindingRequest, RoleBinding> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/roleBindings',
  body: 'role_binding',
}

export const DeleteRoleBinding: Unary<DeleteRoleBindingRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/roleBindings/*}',
  body: '',
}

export const TestPermissions: Unary<TestPermissionsRequest, TestPermissionsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/access:testPermissions',
  body: '*',
}

export const GetEffectivePermissions: Unary<GetEffectivePermissionsRequest, EffectivePermissions> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/access:effectivePermissions',
  body: '',
}

export const GetAuditEvent: Unary<GetAuditEventRequest, AuditEvent> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/auditEvents/*}',
  body: '',
}

export const ListAuditEvents: Unary<ListAuditEventsRequest, ListAuditEventsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/auditEvents',
  body: '',
}

export const ExportAuditEvents: Stream<ExportAuditEventsRequest, unknown> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/auditEvents:export',
  body: '',
}

export const VerifyAuditChain: Unary<VerifyAuditChainRequest, VerifyAuditChainResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/auditEvents:verify',
  body: '',
}

export const ListAuditCheckpoints: Unary<ListAuditCheckpointsRequest, ListAuditCheckpointsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/auditCheckpoints',
  body: '',
}

export const GetAuditKeys: Unary<GetAuditKeysRequest, JsonWebKeySet> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/auditKeys',
  body: '',
}

export const RotateAuditKey: Unary<RotateAuditKeyRequest, JsonWebKeySet> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{organization=organizations/*}:rotateAuditKey',
  body: '*',
}

export const GetAuthConfig: Unary<GetAuthConfigRequest, AuthConfig> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/authConfig',
  body: '',
}

export const CreateFirstAdministrator: Unary<CreateFirstAdministratorRequest, TokenSet> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/auth:createFirstAdministrator',
  body: '*',
}

export const SignIn: Unary<SignInRequest, TokenSet> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/auth:signIn',
  body: '*',
}

export const BeginOidcLogin: Unary<BeginOidcLoginRequest, BeginOidcLoginResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{identity_provider=organizations/*/identityProviders/*}:beginLogin',
  body: '*',
}

export const CompleteOidcLogin: Unary<CompleteOidcLoginRequest, CompleteOidcLoginResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{identity_provider=organizations/*/identityProviders/*}:completeLogin',
  body: '*',
}

export const StartDeviceAuthorization: Unary<StartDeviceAuthorizationRequest, DeviceAuthorization> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/deviceAuthorizations:start',
  body: '*',
}

export const GetDeviceAuthorization: Unary<GetDeviceAuthorizationRequest, DeviceAuthorization> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/deviceAuthorizations/{user_code}',
  body: '',
}

export const ApproveDevice: Unary<ApproveDeviceRequest, DeviceAuthorization> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/deviceAuthorizations/{user_code}:approve',
  body: '*',
}

export const DenyDevice: Unary<DenyDeviceRequest, DeviceAuthorization> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/deviceAuthorizations/{user_code}:deny',
  body: '*',
}

export const ExchangeToken: Unary<ExchangeTokenRequest, TokenSet> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/auth:exchangeToken',
  body: '*',
}

export const RevokeToken: Unary<RevokeTokenRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/auth:revokeToken',
  body: '*',
}

export const MintWorkspaceToken: Unary<MintWorkspaceTokenRequest, TokenSet> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{workspace=organizations/*/workspaces/*}:mintToken',
  body: '*',
}

export const CreateSignInLink: Unary<CreateSignInLinkRequest, SignInLink> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/auth:createSignInLink',
  body: '*',
}

export const GetJwks: Unary<GetJwksRequest, JsonWebKeySet> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/jwks',
  body: '',
}

export const RotateSigningKey: Unary<RotateSigningKeyRequest, JsonWebKeySet> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{organization=organizations/*}:rotateSigningKey',
  body: '*',
}

export const GetCurrentPrincipal: Unary<GetCurrentPrincipalRequest, Principal> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/principal',
  body: '',
}

export const GetCertificateAuthority: Unary<GetCertificateAuthorityRequest, CertificateAuthority> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/certificateAuthority}',
  body: '',
}

export const StartRollover: Unary<StartRolloverRequest, CertificateAuthority> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/certificateAuthority}:startRollover',
  body: '*',
}

export const AdvanceRollover: Unary<AdvanceRolloverRequest, CertificateAuthority> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/certificateAuthority}:advanceRollover',
  body: '*',
}

export const RevertRollover: Unary<RevertRolloverRequest, CertificateAuthority> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/certificateAuthority}:revertRollover',
  body: '*',
}

export const Enroll: Unary<EnrollRequest, EnrollResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/enrollments:enroll',
  body: '*',
}

export const GetFederatedCredential: Unary<GetFederatedCredentialRequest, FederatedCredential> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*/federatedCredentials/*}',
  body: '',
}

export const ListFederatedCredentials: Unary<ListFederatedCredentialsRequest, ListFederatedCredentialsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*/serviceAccounts/*}/federatedCredentials',
  body: '',
}

export const CreateFederatedCredential: Unary<CreateFederatedCredentialRequest, FederatedCredential> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*/serviceAccounts/*}/federatedCredentials',
  body: 'federated_credential',
}

export const UpdateFederatedCredential: Unary<UpdateFederatedCredentialRequest, FederatedCredential> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{federated_credential.name=organizations/*/serviceAccounts/*/federatedCredentials/*}',
  body: 'federated_credential',
}

export const DeleteFederatedCredential: Unary<DeleteFederatedCredentialRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*/federatedCredentials/*}',
  body: '',
}

export const GetIdentityProvider: Unary<GetIdentityProviderRequest, IdentityProvider> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/identityProviders/*}',
  body: '',
}

export const ListIdentityProviders: Unary<ListIdentityProvidersRequest, ListIdentityProvidersResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/identityProviders',
  body: '',
}

export const CreateIdentityProvider: Unary<CreateIdentityProviderRequest, IdentityProvider> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/identityProviders',
  body: 'identity_provider',
}

export const UpdateIdentityProvider: Unary<UpdateIdentityProviderRequest, IdentityProvider> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{identity_provider.name=organizations/*/identityProviders/*}',
  body: 'identity_provider',
}

export const DeleteIdentityProvider: Unary<DeleteIdentityProviderRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/identityProviders/*}',
  body: '',
}

export const TestIdentityProvider: Unary<TestIdentityProviderRequest, TestIdentityProviderResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/identityProviders/*}:test',
  body: '*',
}

export const ListTrustedDomains: Unary<ListTrustedDomainsRequest, ListTrustedDomainsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/trustedDomains',
  body: '',
}

export const AddTrustedDomain: Unary<AddTrustedDomainRequest, TrustedDomain> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/trustedDomains:add',
  body: '*',
}

export const VerifyTrustedDomain: Unary<VerifyTrustedDomainRequest, TrustedDomain> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/trustedDomains/*}:verify',
  body: '*',
}

export const RemoveTrustedDomain: Unary<RemoveTrustedDomainRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/trustedDomains/*}:remove',
  body: '*',
}

export const GetMember: Unary<GetMemberRequest, Member> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/members/*}',
  body: '',
}

export const ListMembers: Unary<ListMembersRequest, ListMembersResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/members',
  body: '',
}

export const RemoveMember: Unary<RemoveMemberRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/members/*}',
  body: '',
}

export const DeactivateMember: Unary<DeactivateMemberRequest, Member> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/members/*}:deactivate',
  body: '*',
}

export const ReactivateMember: Unary<ReactivateMemberRequest, Member> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/members/*}:reactivate',
  body: '*',
}

export const EraseMember: Unary<EraseMemberRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/members/*}:erase',
  body: '*',
}

export const CreateRecoveryToken: Unary<CreateRecoveryTokenRequest, CreateRecoveryTokenResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/members/*}:createRecoveryToken',
  body: '*',
}

export const CreateInvitation: Unary<CreateInvitationRequest, CreateInvitationResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/invitations',
  body: 'invitation',
}

export const GetInvitation: Unary<GetInvitationRequest, Invitation> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/invitations/*}',
  body: '',
}

export const ListInvitations: Unary<ListInvitationsRequest, ListInvitationsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/invitations',
  body: '',
}

export const ResendInvitation: Unary<ResendInvitationRequest, ResendInvitationResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/invitations/*}:resend',
  body: '*',
}

export const RevokeInvitation: Unary<RevokeInvitationRequest, Invitation> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/invitations/*}:revoke',
  body: '*',
}

export const InspectInvitation: Unary<InspectInvitationRequest, InspectInvitationResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/invitations:inspect',
  body: '*',
}

export const AcceptInvitation: Unary<AcceptInvitationRequest, Member> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/invitations:accept',
  body: '*',
}

export const DeclineInvitation: Unary<DeclineInvitationRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/invitations:decline',
  body: '*',
}

export const GetOperation: Unary<GetOperationRequest, Operation> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*/operations/*}',
  body: '',
}

export const ListOperations: Unary<ListOperationsRequest, ListOperationsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*/workspaces/*}/operations',
  body: '',
}

export const CancelOperation: Unary<CancelOperationRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*/operations/*}:cancel',
  body: '*',
}

export const WaitOperation: Unary<WaitOperationRequest, Operation> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*/operations/*}:wait',
  body: '',
}

export const GetOrganization: Unary<GetOrganizationRequest, Organization> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*}',
  body: '',
}

export const ListOrganizations: Unary<ListOrganizationsRequest, ListOrganizationsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/organizations',
  body: '',
}

export const CreateOrganization: Unary<CreateOrganizationRequest, Organization> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/organizations',
  body: 'organization',
}

export const UpdateOrganization: Unary<UpdateOrganizationRequest, Organization> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{organization.name=organizations/*}',
  body: 'organization',
}

export const DeleteOrganization: Unary<DeleteOrganizationRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*}',
  body: '',
}

export const LeaveOrganization: Unary<LeaveOrganizationRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*}:leave',
  body: '*',
}

export const GetServiceAccount: Unary<GetServiceAccountRequest, ServiceAccount> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*}',
  body: '',
}

export const ListServiceAccounts: Unary<ListServiceAccountsRequest, ListServiceAccountsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/serviceAccounts',
  body: '',
}

export const CreateServiceAccount: Unary<CreateServiceAccountRequest, ServiceAccount> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/serviceAccounts',
  body: 'service_account',
}

export const UpdateServiceAccount: Unary<UpdateServiceAccountRequest, ServiceAccount> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{service_account.name=organizations/*/serviceAccounts/*}',
  body: 'service_account',
}

export const DeleteServiceAccount: Unary<DeleteServiceAccountRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*}',
  body: '',
}

export const DisableServiceAccount: Unary<DisableServiceAccountRequest, ServiceAccount> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*}:disable',
  body: '*',
}

export const EnableServiceAccount: Unary<EnableServiceAccountRequest, ServiceAccount> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*}:enable',
  body: '*',
}

export const GetApiKey: Unary<GetApiKeyRequest, ApiKey> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*/apiKeys/*}',
  body: '',
}

export const ListApiKeys: Unary<ListApiKeysRequest, ListApiKeysResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*/serviceAccounts/*}/apiKeys',
  body: '',
}

export const CreateApiKey: Unary<CreateApiKeyRequest, CreateApiKeyResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*/serviceAccounts/*}/apiKeys',
  body: 'api_key',
}

export const UpdateApiKey: Unary<UpdateApiKeyRequest, ApiKey> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{api_key.name=organizations/*/serviceAccounts/*/apiKeys/*}',
  body: 'api_key',
}

export const DeleteApiKey: Unary<DeleteApiKeyRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*/apiKeys/*}',
  body: '',
}

export const RotateApiKey: Unary<RotateApiKeyRequest, RotateApiKeyResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/serviceAccounts/*/apiKeys/*}:rotate',
  body: '*',
}

export const ListSessions: Unary<ListSessionsRequest, ListSessionsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=users/*}/sessions',
  body: '',
}

export const RevokeSession: Unary<RevokeSessionRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=users/*/sessions/*}',
  body: '',
}

export const RevokeAllSessions: Unary<RevokeAllSessionsRequest, RevokeAllSessionsResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=users/*}/sessions:revokeAll',
  body: '*',
}

export const GetServerInfo: Unary<GetServerInfoRequest, ServerInfo> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/serverInfo',
  body: '',
}

export const GetTeam: Unary<GetTeamRequest, Team> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/teams/*}',
  body: '',
}

export const ListTeams: Unary<ListTeamsRequest, ListTeamsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/teams',
  body: '',
}

export const CreateTeam: Unary<CreateTeamRequest, Team> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/teams',
  body: 'team',
}

export const UpdateTeam: Unary<UpdateTeamRequest, Team> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{team.name=organizations/*/teams/*}',
  body: 'team',
}

export const DeleteTeam: Unary<DeleteTeamRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/teams/*}',
  body: '',
}

export const ListTeamMembers: Unary<ListTeamMembersRequest, ListTeamMembersResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*/teams/*}/members',
  body: '',
}

export const AddTeamMembers: Unary<AddTeamMembersRequest, AddTeamMembersResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/teams/*}:addMembers',
  body: '*',
}

export const RemoveTeamMembers: Unary<RemoveTeamMembersRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/teams/*}:removeMembers',
  body: '*',
}

export const GetUser: Unary<GetUserRequest, User> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=users/*}',
  body: '',
}

export const UpdateUser: Unary<UpdateUserRequest, User> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{user.name=users/*}',
  body: 'user',
}

export const CreateUser: Unary<CreateUserRequest, CreateUserResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{organization=organizations/*}/users',
  body: 'user',
}

export const SetPassword: Unary<SetPasswordRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/users:setPassword',
  body: '*',
}

export const CreatePersonalAccessToken: Unary<CreatePersonalAccessTokenRequest, CreatePersonalAccessTokenResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=users/*}/personalAccessTokens',
  body: 'personal_access_token',
}

export const ListPersonalAccessTokens: Unary<ListPersonalAccessTokensRequest, ListPersonalAccessTokensResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=users/*}/personalAccessTokens',
  body: '',
}

export const DeletePersonalAccessToken: Unary<DeletePersonalAccessTokenRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=users/*/personalAccessTokens/*}',
  body: '',
}

export const ListMemberTokens: Unary<ListMemberTokensRequest, ListMemberTokensResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{organization=organizations/*}/personalAccessTokens',
  body: '',
}

export const RevokeMemberToken: Unary<RevokeMemberTokenRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{organization=organizations/*}/personalAccessTokens:revoke',
  body: '*',
}

export const GetWorkspace: Unary<GetWorkspaceRequest, Workspace> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*}',
  body: '',
}

export const ListWorkspaces: Unary<ListWorkspacesRequest, ListWorkspacesResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/workspaces',
  body: '',
}

export const WatchWorkspaces: Stream<WatchWorkspacesRequest, WatchWorkspacesResponse> = {
  kind: 'stream',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/workspaces:watch',
  body: '',
}

export const RegisterWorkspace: Unary<RegisterWorkspaceRequest, Workspace> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/workspaces:register',
  body: '*',
}

export const CreateWorkspace: Unary<CreateWorkspaceRequest, Operation> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/workspaces',
  body: '*',
}

export const UpdateWorkspace: Unary<UpdateWorkspaceRequest, Workspace> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{workspace.name=organizations/*/workspaces/*}',
  body: 'workspace',
}

export const SuspendWorkspace: Unary<SuspendWorkspaceRequest, Operation> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*}:suspend',
  body: '*',
}

export const ResumeWorkspace: Unary<ResumeWorkspaceRequest, Operation> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*}:resume',
  body: '*',
}

export const UpgradeWorkspace: Unary<UpgradeWorkspaceRequest, Operation> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*}:upgrade',
  body: '*',
}

export const DeleteWorkspace: Unary<DeleteWorkspaceRequest, Operation> = {
  kind: 'unary',
  verb: 'DELETE',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*}',
  body: '',
}

export const ListAvailableVersions: Unary<ListAvailableVersionsRequest, ListAvailableVersionsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/workspaces:versions',
  body: '',
}

export const DeregisterWorkspace: Unary<DeregisterWorkspaceRequest, Record<string, never>> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/workspaces/*}:deregister',
  body: '*',
}

export const CreateEnrollment: Unary<CreateEnrollmentRequest, CreateEnrollmentResponse> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{parent=organizations/*}/enrollments',
  body: 'enrollment',
}

export const ListEnrollments: Unary<ListEnrollmentsRequest, ListEnrollmentsResponse> = {
  kind: 'unary',
  verb: 'GET',
  path: '/api/controlplane/v1/{parent=organizations/*}/enrollments',
  body: '',
}

export const UpdateEnrollment: Unary<UpdateEnrollmentRequest, Enrollment> = {
  kind: 'unary',
  verb: 'PATCH',
  path: '/api/controlplane/v1/{enrollment.name=organizations/*/enrollments/*}',
  body: 'enrollment',
}

export const RevokeEnrollment: Unary<RevokeEnrollmentRequest, Enrollment> = {
  kind: 'unary',
  verb: 'POST',
  path: '/api/controlplane/v1/{name=organizations/*/enrollments/*}:revoke',
  body: '*',
}
