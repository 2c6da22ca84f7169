// The pages of a project.
import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { ProjectLayout } from '../ProjectLayout'
import { texts } from '../search'
import { root } from './root'

const project = createRoute({
  getParentRoute: () => root,
  path: '/w/$workspace/p/$project',
  component: ProjectLayout,
})
const projectHome = createRoute({
  getParentRoute: () => project,
  path: '/',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/w/$workspace/p/$project/runs', params })
  },
})
const runs = createRoute({
  getParentRoute: () => project,
  path: 'runs',
  validateSearch: texts('q', 'columns', 'order', 'view'),
  component: lazyRouteComponent(() => import('@/pages/runs/RunsPage'), 'RunsPage'),
})
const run = createRoute({
  getParentRoute: () => project,
  path: 'runs/$run',
  validateSearch: texts('view', 'step', 'pane', 'log', 'direction', 'hide', 'opened', 'span', 'path'),
  component: lazyRouteComponent(() => import('@/pages/run/RunPage'), 'RunPage'),
})
const pipelines = createRoute({
  getParentRoute: () => project,
  path: 'pipelines',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/pipelines/PipelinesPage'), 'PipelinesPage'),
})
const pipeline = createRoute({
  getParentRoute: () => project,
  path: 'pipelines/$pipeline',
  component: lazyRouteComponent(() => import('@/pages/pipelines/PipelinePage'), 'PipelinePage'),
})
// Beside the runs, not below them: a run may be called "compare".
const compare = createRoute({
  getParentRoute: () => project,
  path: 'compare',
  validateSearch: texts('runs', 'base', 'show', 'view'),
  component: lazyRouteComponent(() => import('@/pages/compare/ComparePage'), 'ComparePage'),
})
const artifacts = createRoute({
  getParentRoute: () => project,
  path: 'artifacts',
  validateSearch: texts('q', 'view'),
  component: lazyRouteComponent(() => import('@/pages/artifacts/ArtifactsPage'), 'ArtifactsPage'),
})
const artifact = createRoute({
  getParentRoute: () => project,
  path: 'artifacts/$artifact',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/artifacts/ArtifactPage'), 'ArtifactPage'),
})
const version = createRoute({
  getParentRoute: () => project,
  path: 'artifacts/$artifact/versions/$version',
  validateSearch: texts('view', 'file', 'as', 'way', 'depth', 'direction'),
  component: lazyRouteComponent(() => import('@/pages/version/VersionPage'), 'VersionPage'),
})
const models = createRoute({
  getParentRoute: () => project,
  path: 'models',
  validateSearch: texts('q', 'view'),
  component: lazyRouteComponent(() => import('@/pages/models/ModelsPage'), 'ModelsPage'),
})
const model = createRoute({
  getParentRoute: () => project,
  path: 'models/$model',
  validateSearch: texts('q', 'view'),
  component: lazyRouteComponent(() => import('@/pages/models/ModelPage'), 'ModelPage'),
})
const modelVersion = createRoute({
  getParentRoute: () => project,
  path: 'models/$model/versions/$version',
  component: lazyRouteComponent(() => import('@/pages/models/ModelVersionPage'), 'ModelVersionPage'),
})
const snapshots = createRoute({
  getParentRoute: () => project,
  path: 'snapshots',
  validateSearch: texts('q', 'view'),
  component: lazyRouteComponent(() => import('@/pages/snapshots/SnapshotsPage'), 'SnapshotsPage'),
})
const snapshot = createRoute({
  getParentRoute: () => project,
  path: 'snapshots/$snapshot',
  validateSearch: texts('as', 'from'),
  component: lazyRouteComponent(() => import('@/pages/snapshot/SnapshotPage'), 'SnapshotPage'),
})
const approvals = createRoute({
  getParentRoute: () => project,
  path: 'approvals',
  validateSearch: texts('run'),
  component: lazyRouteComponent(() => import('@/pages/approvals/ApprovalsPage'), 'ApprovalsPage'),
})
const schedules = createRoute({
  getParentRoute: () => project,
  path: 'schedules',
  validateSearch: texts('q'),
  component: lazyRouteComponent(() => import('@/pages/schedules/SchedulesPage'), 'SchedulesPage'),
})
const schedule = createRoute({
  getParentRoute: () => project,
  path: 'schedules/$schedule',
  component: lazyRouteComponent(() => import('@/pages/schedule/SchedulePage'), 'SchedulePage'),
})
const triggers = createRoute({
  getParentRoute: () => project,
  path: 'triggers',
  validateSearch: texts('view'),
  component: lazyRouteComponent(() => import('@/pages/triggers/TriggersPage'), 'TriggersPage'),
})
const trigger = createRoute({
  getParentRoute: () => project,
  path: 'triggers/$trigger',
  component: lazyRouteComponent(() => import('@/pages/trigger/TriggerPage'), 'TriggerPage'),
})
const webhook = createRoute({
  getParentRoute: () => project,
  path: 'webhooks/$webhook',
  component: lazyRouteComponent(() => import('@/pages/webhook/WebhookPage'), 'WebhookPage'),
})

export const projectPages = project.addChildren([
  projectHome,
  runs,
  run,
  pipelines,
  pipeline,
  compare,
  artifacts,
  artifact,
  version,
  models,
  model,
  modelVersion,
  snapshots,
  snapshot,
  approvals,
  schedules,
  schedule,
  triggers,
  trigger,
  webhook,
])
