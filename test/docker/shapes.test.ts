import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { bodyShapes, ruling } from '../../src/docker/bodies/shapes.ts'
import { catalog } from '../../src/docker/catalog.ts'
import { isZero, object, readShape, type Field, type Say } from '../../src/docker/shape.ts'
import { isFailure } from '../../src/errors.ts'
import { projectRoot } from '../helpers/engine.ts'

/**
 * Operation → field → its types and the API versions that have it: facts taken from moby's published
 * descriptions of 1.25 to 1.56 and the examples of 1.24. `*` is any key of a map, `[]` an item.
 */
const published: Readonly<Record<string, Readonly<Record<string, string>>>> = JSON.parse(
  readFileSync(join(projectRoot, 'test/fixtures/body-fields.json'), 'utf8'),
)

/** What the descriptions say and no engine reads. */
const misprints: Readonly<Record<string, string>> = {
  'ContainerCreate HostConfig.NanoCPUs': '1.27 misspells NanoCpus',
  'ContainerUpdate NanoCPUs': '1.27 misspells NanoCpus',
  'ContainerCreate Volumes.additionalProperties': 'a keyword of the description, indented too far',
  'ImageCommit Volumes.additionalProperties': 'a keyword of the description, indented too far',
  'SecretCreate Data.[]': 'the data is one string',
  'SecretUpdate Data.[]': 'the data is one string',
  'ConfigCreate Data.[]': 'the data is one string',
  'ConfigUpdate Data.[]': 'the data is one string',
}

/** What engines and clients know and the descriptions do not tell; also all that stands below it. */
const unpublished: Readonly<Record<string, string>> = {
  'ContainerCreate HostConfig.Mounts.[].ClusterOptions': 'moby, mount.ClusterOptions',
  'ContainerCreate VolumesFrom': 'dockerode',
  'ContainerCreate name': 'dockerode',
  'ContainerCreate platform': 'dockerode',
  'ContainerExec Container': 'docker-py',
  'ContainerExec Detach': 'sent by the docker CLI',
  'DockgateGrant grant': 'an endpoint of our own',
  'ExecStart hijack': 'dockerode',
  'ExecStart stdin': 'dockerode',
  'ImageCommit author': 'dockerode',
  'ImageCommit changes': 'dockerode',
  'ImageCommit comment': 'dockerode',
  'ImageCommit container': 'dockerode',
  'ImageCommit pause': 'dockerode',
  'ImageCommit repo': 'dockerode',
  'ImageCommit tag': 'dockerode',
  'NetworkCreate IPAM.Config.[].AuxAddress': 'the field of IPAMConfig before its JSON name',
  'ServiceCreate TaskTemplate.ContainerSpec.Healthcheck': 'the name that moby writes',
  'ServiceCreate TaskTemplate.ContainerSpec.Mounts.[].ClusterOptions': 'moby, mount.ClusterOptions',
  'ServiceCreate TaskTemplate.PluginSpec.Env': 'moby, swarm/runtime/plugin.proto',
  'ServiceUpdate TaskTemplate.ContainerSpec.Healthcheck': 'the name that moby writes',
  'ServiceUpdate TaskTemplate.ContainerSpec.Mounts.[].ClusterOptions': 'moby, mount.ClusterOptions',
  'ServiceUpdate TaskTemplate.PluginSpec.Env': 'moby, swarm/runtime/plugin.proto',
  'SystemAuth auth': 'moby, registry.AuthConfig',
  'SystemAuth identitytoken': 'moby, registry.AuthConfig',
  'SystemAuth registrytoken': 'moby, registry.AuthConfig',
  // The description has all of it below AccessMode.
  'VolumeCreate ClusterVolumeSpec': 'moby, volume.ClusterVolumeSpec',
  'VolumeUpdate Spec': 'moby, volume.ClusterVolumeSpec',
}

/** What reaches the host, another's things or the network, by hand and a second time. */
const dangerous: Readonly<Record<string, string>> = {
  ContainerCreate: `Image User Labels MacAddress HostConfig.Privileged HostConfig.Binds HostConfig.Mounts
    HostConfig.VolumesFrom HostConfig.VolumeDriver HostConfig.Links HostConfig.Tmpfs HostConfig.CapAdd
    HostConfig.Capabilities HostConfig.Annotations HostConfig.SecurityOpt HostConfig.MaskedPaths
    HostConfig.ReadonlyPaths HostConfig.NetworkMode HostConfig.PidMode HostConfig.IpcMode
    HostConfig.UTSMode HostConfig.UsernsMode HostConfig.CgroupnsMode HostConfig.Cgroup
    HostConfig.Devices HostConfig.DeviceCgroupRules HostConfig.DeviceRequests HostConfig.CgroupParent
    HostConfig.Runtime HostConfig.Isolation HostConfig.Sysctls HostConfig.LogConfig
    HostConfig.PortBindings HostConfig.PublishAllPorts HostConfig.ExtraHosts HostConfig.GroupAdd
    HostConfig.RestartPolicy.Name HostConfig.OomScoreAdj HostConfig.OomKillDisable HostConfig.Ulimits
    HostConfig.ShmSize HostConfig.PidsLimit HostConfig.Memory HostConfig.MemorySwap HostConfig.NanoCpus
    HostConfig.CpuQuota HostConfig.CpuPeriod HostConfig.CpuRealtimePeriod HostConfig.CpuRealtimeRuntime
    HostConfig.BlkioWeightDevice HostConfig.BlkioDeviceReadBps HostConfig.BlkioDeviceWriteBps
    HostConfig.BlkioDeviceReadIOps HostConfig.BlkioDeviceWriteIOps HostConfig.StorageOpt
    HostConfig.IOMaximumIOps HostConfig.IOMaximumBandwidth NetworkingConfig.EndpointsConfig
    NetworkingConfig.EndpointsConfig.*.MacAddress NetworkingConfig.EndpointsConfig.*.DriverOpts`,
  ContainerUpdate: `Memory MemorySwap NanoCpus CpuQuota CpuPeriod PidsLimit Devices DeviceCgroupRules
    CgroupParent BlkioWeightDevice BlkioDeviceReadBps OomKillDisable Ulimits RestartPolicy.Name`,
  ContainerExec: 'Privileged User Cmd Env',
  ImageCommit: 'Labels User Env Image',
  NetworkCreate: `Name Driver Scope Ingress ConfigOnly ConfigFrom Options Labels IPAM.Driver IPAM.Options
    IPAM.Config`,
  NetworkConnect: 'EndpointConfig.MacAddress EndpointConfig.DriverOpts',
  VolumeCreate: 'Driver DriverOpts Labels ClusterVolumeSpec',
  VolumeUpdate: 'Spec',
  SystemAuth: 'serveraddress',
  ServiceCreate: `Labels EndpointSpec.Ports Networks.[].DriverOpts TaskTemplate.PluginSpec
    TaskTemplate.NetworkAttachmentSpec TaskTemplate.Runtime TaskTemplate.LogDriver
    TaskTemplate.Networks.[].DriverOpts TaskTemplate.Resources.Limits.MemoryBytes
    TaskTemplate.Resources.Limits.NanoCPUs TaskTemplate.Resources.Limits.Pids
    TaskTemplate.ContainerSpec.Image TaskTemplate.ContainerSpec.Labels TaskTemplate.ContainerSpec.Mounts
    TaskTemplate.ContainerSpec.CapabilityAdd TaskTemplate.ContainerSpec.Privileges
    TaskTemplate.ContainerSpec.Sysctls TaskTemplate.ContainerSpec.Ulimits
    TaskTemplate.ContainerSpec.User TaskTemplate.ContainerSpec.Groups TaskTemplate.ContainerSpec.Hosts
    TaskTemplate.ContainerSpec.OomScoreAdj TaskTemplate.ContainerSpec.Isolation`,
  SecretCreate: 'Labels Driver Templating',
  ConfigCreate: 'Labels Templating',
}

/** Docker 20.10 reads fields of HostConfig at the top of the body too. */
const refusedAtTheTop =
  `Privileged Binds Mounts CapAdd NetworkMode PidMode Memory MemorySwap CpuShares
  CpusetCpus Cpuset VolumeDriver VolumesFrom Devices SecurityOpt LogConfig PortBindings`.split(
    /\s+/,
  )

/** Who has a say in the field: the nearest that is judged as a whole, or its own. */
function sayOn(shape: Field, path: string): Say | undefined {
  let field: Field | undefined = shape
  for (const step of path.split('.')) {
    if (field === undefined || field.say !== 'free') break
    field = below(field, step)
  }
  return field?.say
}

const word: Field = { type: 'text', say: 'free' }

function below({ type }: Field, step: string): Field | undefined {
  if (step === '[]' && (type === 'texts' || type === 'words')) return word
  if (typeof type === 'string') return undefined
  if (step === '[]') return 'list' in type ? type.list : undefined
  if (step === '*') return 'map' in type ? type.map : undefined
  return 'object' in type ? type.object.get(step) : undefined
}

function at(shape: Field, path: string): Field | undefined {
  let field: Field | undefined = shape
  for (const step of path.split('.')) field = field && below(field, step)
  return field
}

function pathsOf({ type }: Field, path: string): readonly string[] {
  const own = path === '' ? [] : [path]
  const inner = (step: string): string => (path === '' ? step : `${path}.${step}`)
  if (typeof type === 'string') return own
  if ('list' in type) return [...own, ...pathsOf(type.list, inner('[]'))]
  if ('map' in type) return [...own, ...pathsOf(type.map, inner('*'))]
  return [...own, ...[...type.object].flatMap(([name, field]) => pathsOf(field, inner(name)))]
}

/** The words of the descriptions for what a shape takes. */
const typeWords: Readonly<Record<string, RegExp>> = {
  text: /string/,
  bool: /boolean/,
  int: /integer/,
  number: /number/,
  texts: /array/,
  words: /array/,
  list: /array/,
  map: /map|object/,
  object: /object|map/,
}

function kindOf({ type }: Field): string {
  return typeof type === 'string' ? type : (Object.keys(type)[0] ?? '')
}

describe('the shapes of bodies', () => {
  it('are there for every operation with a JSON body, or all of it is forbidden', () => {
    for (const { id, body } of catalog) {
      if (body !== 'json') continue
      assert.notEqual(bodyShapes.has(id), ruling.has(id), id)
    }
    for (const id of Object.keys(published)) assert.ok(bodyShapes.has(id) || ruling.has(id), id)
  })

  for (const [operation, shape] of bodyShapes) {
    const fields = published[operation] ?? {}

    it(`have every field of ${operation} in a class`, () => {
      const missing = Object.keys(fields)
        .filter((path) => sayOn(shape, path) === undefined)
        .map((path) => `${operation} ${path}`)
        .filter((path) => misprints[path] === undefined)
      assert.deepEqual(missing, [])
    })

    it(`have no field of ${operation} that nobody knows`, () => {
      const invented = pathsOf(shape, '')
        .filter((path) => fields[path] === undefined)
        .map((path) => `${operation} ${path}`)
        .filter((path) =>
          Object.keys(unpublished).every(
            (known) => path !== known && !path.startsWith(`${known}.`),
          ),
        )
      assert.deepEqual(invented, [])
    })

    it(`take in ${operation} what the descriptions say`, () => {
      for (const [path, types] of Object.entries(fields)) {
        const field = at(shape, path)
        if (field === undefined || field.type === 'any') continue
        const said = typeWords[kindOf(field)]
        // One misprint: secrets as lists of numbers, in the first versions.
        if (path !== 'Data') assert.match(types, said ?? /^$/, `${operation} ${path}`)
      }
    })

    it(`have no two names in ${operation} that Go takes for one`, () => {
      for (const path of ['', ...pathsOf(shape, '')]) {
        const type = (path === '' ? shape : at(shape, path))?.type
        if (typeof type !== 'object' || !('object' in type)) continue
        const names = [...type.object.keys()].map((name) => name.toLowerCase())
        // One of both is never judged, so that it is all the same which of them Go reads.
        const twins = names.filter((name, index) => names.indexOf(name) !== index)
        assert.deepEqual(
          twins.filter((name) => name !== 'healthcheck'),
          [],
        )
      }
    })
  }

  for (const [operation, paths] of Object.entries(dangerous)) {
    it(`leave nothing of ${operation} free that reaches beyond it`, () => {
      const shape = bodyShapes.get(operation)
      assert.ok(shape)
      for (const path of paths.split(/\s+/)) {
        const say = sayOn(shape, path)
        assert.ok(say !== undefined && say !== 'free' && say !== 'dropped', path)
      }
    })
  }

  it('refuse at the top of a container what belongs into HostConfig', () => {
    const shape = bodyShapes.get('ContainerCreate')
    assert.ok(shape)
    for (const name of refusedAtTheTop) {
      const read = readShape(shape, { Image: 'x', [name]: ['y'] })
      assert.ok(isFailure(read), name)
      assert.match(read.message, new RegExp(`"${name}": unknown field|${name}: nothing may stand`))
    }
  })

  it('name every misprint and every addition for a field that is there', () => {
    for (const path of Object.keys(misprints)) {
      const [operation = '', field = ''] = path.split(' ')
      assert.notEqual(published[operation]?.[field], undefined, path)
    }
    for (const path of Object.keys(unpublished)) {
      const [operation = '', field = ''] = path.split(' ')
      const shape = bodyShapes.get(operation)
      assert.ok(shape && at(shape, field), path)
    }
  })
})

describe('a value held against its shape', () => {
  const shape = object({
    Words: { type: 'words', say: 'capabilities' },
    Ports: {
      type: { map: { type: { list: object({ Port: word }) }, say: 'free' } },
      say: 'publish',
    },
    Masked: { type: 'texts', say: 'absent' },
    Old: { type: 'any', say: 'dropped' },
    Mode: { type: 'text', say: 'forbidden', harmless: 'default' },
  })
  const rows: readonly (readonly [body: string, kept: string, asked: string])[] = [
    ['{}', '{}', '[]'],
    ['{"Words":[]}', '{"Words":[]}', '[]'],
    ['{"Words":"a"}', '{"Words":"a"}', '["a"]'],
    ['{"Masked":null}', '{"Masked":null}', '[]'],
    ['{"Masked":[]}', '{"Masked":[]}', '[[]]'],
    ['{"Old":{"a":[1]},"Words":null}', '{"Words":null}', '[]'],
    ['{"Mode":"default"}', '{"Mode":"default"}', '[]'],
    ['{"Mode":"Default"}', '{"Mode":"Default"}', '["Default"]'],
    ['{"Ports":{"a":[null]}}', '{"Ports":{"a":[{}]}}', '[{"a":[{}]}]'],
    ['{"Ports":{"a":null}}', '{"Ports":{"a":[]}}', '[{"a":[]}]'],
    ['{"Ports":{"__proto__":[null]}}', '{"Ports":{"__proto__":[{}]}}', '[{"__proto__":[{}]}]'],
    ['{"Ports":{"a":[{"Port":null}]}}', '{"Ports":{"a":[{"Port":null}]}}', ''],
  ]
  for (const [body, kept, asked] of rows) {
    it(`is sent as ${kept} for ${body}`, () => {
      const read = readShape(shape, JSON.parse(body))
      assert.ok(!isFailure(read))
      assert.equal(JSON.stringify(read.body), kept)
      if (asked !== '') assert.equal(JSON.stringify(read.demands.map(({ value }) => value)), asked)
    })
  }

  const faults: readonly (readonly [string, RegExp])[] = [
    ['{"words":[]}', /"words": unknown field, did you mean Words\?$/],
    ['{"Word\\u017f":[]}', /"Word\\u017f": unknown field/],
    ['{"__proto__":{}}', /"__proto__": unknown field$/],
    ['{"constructor":{}}', /"constructor": unknown field$/],
    ['{"Words":{}}', /Words: a list of strings is needed$/],
    ['{"Words":[null]}', /Words: a list of strings is needed$/],
    ['{"Words":[["a"]]}', /Words: a list of strings is needed$/],
    ['{"Ports":[]}', /Ports: an object is needed$/],
    ['{"Ports":{"a":{}}}', /Ports\["a"\]: a list is needed$/],
    ['{"Ports":{"a":[[]]}}', /Ports\["a"\]\[0\]: an object is needed$/],
    ['{"Mode":0}', /Mode: a string is needed$/],
    ['[]', /a JSON object is needed$/],
    ['"x"', /a JSON object is needed$/],
    ['null', /a JSON object is needed$/],
  ]
  for (const [body, message] of faults) {
    it(`is refused for ${body}`, () => {
      const read = readShape(shape, JSON.parse(body))
      assert.ok(isFailure(read))
      assert.match(read.message, message)
    })
  }

  it('takes a great many nulls in no more than a moment', () => {
    const many = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, index) => [`p${index}`, null]),
    )
    const started = process.cpuUsage().user
    const read = readShape(shape, { Ports: many })
    assert.ok(!isFailure(read))
    assert.ok(process.cpuUsage().user - started < 5_000_000)
  })

  it('has the zero values that Go has', () => {
    for (const zero of [null, undefined, '', 0, false, [], {}]) assert.ok(isZero(zero))
    for (const one of ['0', -1, true, [null], { a: null }]) assert.ok(!isZero(one))
  })
})
