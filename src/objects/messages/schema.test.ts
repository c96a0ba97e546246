import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { canonical } from '../canonical.ts';
import type { ObjectSchema, Schema } from '../schema.ts';
import { ATOMIC_MAPS, ATOMIC_MESSAGES, DEFAULTS, LISTS } from './merging.ts';
import { messageNamed } from './messages.ts';
import { schemaOfMessage } from './schema.ts';

/** The schema at a path of members, through lists and maps. */
function at(schema: Schema | undefined, ...members: readonly string[]): Schema | undefined {
  return members.reduce<Schema | undefined>((found, member) => {
    const whole = found?.type === 'array' ? found.items : found?.type === 'map' ? found.values : found;
    return whole?.type === 'object' ? whole.properties[member] : undefined;
  }, schema);
}

suite('schemas of messages', () => {
  test('name every member that the tables of merging name', () => {
    const paths = [...Object.keys(LISTS), ...ATOMIC_MAPS, ...Object.keys(DEFAULTS)];
    for (const path of paths) {
      const [message = '', member = ''] = path.split('.');
      const found = [...messageNamed(message).values()].find((field) => field.member === member);
      assert.ok(found, path);
      if (path in LISTS) assert.equal(found.holds, 'list', path);
      if (ATOMIC_MAPS.has(path)) assert.equal(found.holds, 'map', path);
    }
    for (const message of ATOMIC_MESSAGES) assert.equal(schemaOfMessage(message).mapType, 'atomic');
  });

  test('say how lists merge', () => {
    const deployment = schemaOfMessage('Deployment');
    const pod = ['spec', 'template', 'spec'];
    const containers = at(deployment, ...pod, 'containers');
    assert.ok(containers?.type === 'array');
    assert.deepEqual(
      [containers.patchMergeKey, containers.listType, containers.listMapKeys],
      ['name', 'map', ['name']],
    );
    const ports = at(containers, 'ports');
    assert.ok(ports?.type === 'array');
    assert.deepEqual(ports.listMapKeys, ['containerPort', 'protocol']);
    const volumes = at(deployment, ...pod, 'volumes');
    assert.equal(volumes?.type === 'array' && volumes.patchStrategy, 'merge,retainKeys');
    const conditions = at(schemaOfMessage('Job'), 'status', 'conditions');
    assert.equal(conditions?.type === 'array' && conditions.listType, 'atomic');
    const args = at(containers, 'args');
    assert.equal(args?.type === 'array' && args.listType, 'atomic');
  });

  test('take in the members of messages that stand in others', () => {
    assert.equal(at(schemaOfMessage('Pod'), 'spec', 'volumes', 'configMap', 'name')?.type, 'string');
    assert.equal(at(schemaOfMessage('Pod'), 'spec', 'ephemeralContainers', 'image')?.type, 'string');
  });

  test('belong to the packages of Kubernetes', () => {
    const homes = ['Pod', 'Deployment', 'CronJobSpec', 'IngressRule', 'LeaseSpec', 'Scale', 'ScaleIOVolumeSource'];
    assert.deepEqual(
      homes.map((name) => schemaOfMessage(name).component),
      [
        'io.k8s.api.core.v1.Pod',
        'io.k8s.api.apps.v1.Deployment',
        'io.k8s.api.batch.v1.CronJobSpec',
        'io.k8s.api.networking.v1.IngressRule',
        'io.k8s.api.coordination.v1.LeaseSpec',
        'io.k8s.api.autoscaling.v1.Scale',
        'io.k8s.api.core.v1.ScaleIOVolumeSource',
      ],
    );
  });

  test('keep what is given as it is, and refuse what does not fit', () => {
    const schema: ObjectSchema = schemaOfMessage('PodSpec');
    const spec = {
      containers: [
        { name: 'app', image: '', ports: [{ containerPort: 80 }], stdin: false, env: [{ name: 'A', value: '' }] },
      ],
      terminationGracePeriodSeconds: 0,
    };
    const { value, unknown, wrongTypes } = canonical(schema, spec);
    assert.deepEqual([unknown, wrongTypes], [[], []]);
    assert.deepEqual(value, {
      ...spec,
      containers: [{ ...spec.containers[0], ports: [{ containerPort: 80, protocol: 'TCP' }] }],
    });
    const odd = canonical(schema, { containers: [{ name: 7, imagee: 'x' }] });
    assert.deepEqual(odd.unknown, ['containers[0].imagee']);
    assert.deepEqual(
      odd.wrongTypes.map(({ path }) => path),
      ['containers[0].name'],
    );
  });
});
