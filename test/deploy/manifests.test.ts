/** The manifests of deploy/ against the schemas of Kubernetes, and against what `bitnet serve` understands. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Service } from 'kubernetes-models/v1';
import { parseCommandLine } from '#src/cli/args.js';
import { command } from '#src/cli/commands/serve.js';
import { readManifest, type Value } from './manifest-reader.js';

const FOLDER = fileURLToPath(new URL('../../../deploy/', import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: manifests are looked into here and there
const read = (name: string): any => readManifest(readFileSync(join(FOLDER, 'kubernetes', name), 'utf8'));

/** The fields of custom resources that are used here, after their published definitions; no others pass. */
const LABELS = { type: 'object', minProperties: 1, additionalProperties: { type: 'string' } };
const METADATA = object({ name: { type: 'string' }, labels: LABELS }, ['name']);
const PORT = { type: 'integer', minimum: 1, maximum: 65_535 };
const SELECTOR = object({ matchLabels: LABELS });
const CUSTOM: Record<string, object> = {
  'inference-pool.yaml': object({
    apiVersion: { const: 'inference.networking.k8s.io/v1' },
    kind: { const: 'InferencePool' },
    metadata: METADATA,
    spec: object({
      selector: SELECTOR,
      targetPorts: { type: 'array', minItems: 1, maxItems: 8, items: object({ number: PORT }) },
      endpointPickerRef: object({
        name: { type: 'string' },
        port: object({ number: PORT }),
        failureMode: { enum: ['FailOpen', 'FailClose'] },
      }),
    }),
  }),
  'pod-monitor.yaml': object({
    apiVersion: { const: 'monitoring.coreos.com/v1' },
    kind: { const: 'PodMonitor' },
    metadata: METADATA,
    spec: object({
      selector: SELECTOR,
      podMetricsEndpoints: {
        type: 'array',
        items: object({
          port: { type: 'string' },
          path: { type: 'string', pattern: '^/' },
          interval: { type: 'string', pattern: '^\\d+s$' },
        }),
      },
    }),
  }),
};

function object(properties: Record<string, object>, required = Object.keys(properties)): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

const MODELS: Record<string, new (data: never) => { validate(): void }> = {
  'deployment.yaml': Deployment,
  'service.yaml': Service,
  'autoscaler.yaml': HorizontalPodAutoscaler,
};

test('every manifest is one of its kind', () => {
  const names = readdirSync(join(FOLDER, 'kubernetes'));
  assert.deepEqual(names.sort(), [...Object.keys(MODELS), ...Object.keys(CUSTOM)].sort());
  for (const [name, Model] of Object.entries(MODELS)) new Model(read(name) as never).validate();
  const ajv = new Ajv({ allErrors: true });
  for (const [name, schema] of Object.entries(CUSTOM)) {
    assert.ok(ajv.validate(schema, read(name)), `${name}: ${ajv.errorsText()}`);
  }
});

test('the check finds what is wrong', () => {
  const broken = read('deployment.yaml');
  broken.spec.replicas = 'two';
  assert.throws(() => new Deployment(broken).validate(), /replicas/);
  assert.throws(() => readManifest('a: [1]\n'), /line 1/);
  assert.throws(() => readManifest('a:\n   b: 1\n'), /line 1/);
  assert.throws(() => readManifest('a: 1\na: 2\n'), /repeats/);
  assert.deepEqual(readManifest('a:\n  - b: 1\n    c: "x"\n  - d\n'), { a: [{ b: 1, c: 'x' }, 'd'] });
});

test('manifests belong together, and the command line is one that is understood', () => {
  const { spec } = read('deployment.yaml');
  const labels = spec.template.metadata.labels;
  const [container] = spec.template.spec.containers;
  const [port] = container.ports;
  assert.deepEqual(spec.selector.matchLabels, labels);
  assert.deepEqual(read('service.yaml').spec.selector, labels);
  assert.deepEqual(read('inference-pool.yaml').spec.selector.matchLabels, labels);
  assert.deepEqual(read('pod-monitor.yaml').spec.selector.matchLabels, labels);
  assert.equal(read('service.yaml').spec.ports[0].targetPort, port.name);
  assert.equal(read('pod-monitor.yaml').spec.podMetricsEndpoints[0].port, port.name);
  assert.equal(read('inference-pool.yaml').spec.targetPorts[0].number, port.containerPort);
  assert.equal(read('autoscaler.yaml').spec.scaleTargetRef.name, read('deployment.yaml').metadata.name);

  const input = parseCommandLine(command, (container.args as Value[]).map(String));
  assert.deepEqual(input.positionals, ['/models/model.gguf']);
  assert.ok(Number(input.options.grace) < spec.template.spec.terminationGracePeriodSeconds);
  assert.equal(container.env[0].name, 'BITNET_API_KEY');
});

test('the image runs the program as a user without rights', () => {
  const dockerfile = readFileSync(join(FOLDER, 'Dockerfile'), 'utf8');
  const stages = dockerfile.split(/^FROM /m).slice(1);
  assert.equal(stages.length, 2);
  assert.match(stages[1]!, /^USER 1000:1000$/m);
  const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(stages[1]!)![1]!) as string[];
  const { bin } = JSON.parse(readFileSync(join(FOLDER, '..', 'package.json'), 'utf8'));
  assert.equal(entry[1], `node_modules/bitnet.ts/${bin.bitnet}`);
  assert.equal(parseCommandLine(command, entry.slice(3)).options.host, '0.0.0.0');
});
