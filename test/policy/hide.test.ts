import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { catalog } from '../../src/docker/catalog.ts'
import { editJson } from '../../src/docker/json-edit.ts'
import { readOperation } from '../../src/docker/read.ts'
import { isFailure } from '../../src/errors.ts'
import { hideKinds, readHide } from '../../src/policy/hide.ts'
import { createMask, maskable } from '../../src/policy/mask.ts'

// What an answer to a question may be without being masked, and why: a reader of this list checks it.
const unmasked: Readonly<Record<string, string>> = {
  'text, numbers or a version': `SystemPing SystemPingHead SystemVersion Options DebugVars DebugPprof
    ContainerStats ContainerChanges CheckpointList DistributionInspect ImageSearch`,
  'the files, output and input of a container or image, as documented': `ContainerLogs ContainerAttach
    ContainerAttachWebsocket ContainerExport ContainerArchive ContainerArchiveInfo ImageGet ImageGetAll
    ServiceLogs TaskLogs`,
  'keys and privileges': `SwarmUnlockkey GetPluginPrivileges`,
}

describe('masking', () => {
  it('has a look at every answer that tells of things', () => {
    const known = new Set([
      ...maskable,
      ...Object.values(unmasked).flatMap((names) => names.split(/\s+/)),
    ])
    const questions = catalog.filter(({ method }) => method === 'GET' || method === 'HEAD')
    assert.deepEqual(
      questions.map(({ id }) => id).filter((id) => !known.has(id)),
      [],
    )
    const ids = new Set(catalog.map(({ id }) => id))
    assert.deepEqual(
      [...known].filter((id) => !ids.has(id)),
      [],
    )
  })

  it('takes a pattern of labels as one would by hand', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 })
    const pattern = fc.string({
      unit: fc.constantFrom('a', 'b', '.', '*'),
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(letters, pattern, (key, text) => {
        const same = new RegExp(`^${text.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
        assert.equal(readHide([`labels:${text}`]).hidesLabel(key), same.test(key))
      }),
      { numRuns: 3000 },
    )
  })

  const rows: readonly (readonly [what: string, path: string, raw: string, masked: string])[] = [
    [
      'variables of services, and of what they were before',
      '/services/x',
      '{"Spec":{"TaskTemplate":{"ContainerSpec":{"Env":["A=b","C"]}}},"PreviousSpec":{"TaskTemplate":{"ContainerSpec":{"Env":["A=c"]}}}}',
      '{"Spec":{"TaskTemplate":{"ContainerSpec":{"Env":["A=***","C"]}}},"PreviousSpec":{"TaskTemplate":{"ContainerSpec":{"Env":["A=***"]}}}}',
    ],
    [
      'what a task mounts and runs, where it is and why it failed',
      '/tasks/x',
      '{"Spec":{"ContainerSpec":{"Args":["a"],"Mounts":[{"Type":"bind","Source":"/etc","Target":"/x"},{"Type":"volume","Source":"vol","VolumeOptions":{"DriverConfig":{"Options":{"device":"/dev/x"}}}}]}},"Status":{"Err":"no \\"a\\""},"NetworksAttachments":[{"Addresses":["10.0.0.2/24"]}]}',
      '{"Spec":{"ContainerSpec":{"Args":["***"],"Mounts":[{"Type":"bind","Source":"***","Target":"/x"},{"Type":"volume","Source":"vol","VolumeOptions":{"DriverConfig":{"Options":{"device":"***"}}}}]}},"Status":{"Err":"***"},"NetworksAttachments":[{"Addresses":[""]}]}',
    ],
    [
      'addresses and labels of nodes',
      '/nodes/x',
      '{"Spec":{"Labels":{"a":"b"}},"Description":{"Engine":{"Labels":{"c":"d"}}},"Status":{"State":"ready","Addr":"10.0.0.1"},"ManagerStatus":{"Leader":true,"Addr":"10.0.0.1:2377"}}',
      '{"Spec":{"Labels":{"a":"***"}},"Description":{"Engine":{"Labels":{"c":"***"}}},"Status":{"State":"ready","Addr":""},"ManagerStatus":{"Leader":true,"Addr":""}}',
    ],
    [
      'settings of plugins, but not what they are called',
      '/plugins/x/json',
      '{"Settings":{"Env":["A=b"],"Args":[],"Mounts":[{"Source":"/var"}]},"Config":{"Env":[{"Name":"A","Description":"d","Settable":["value"],"Value":"b"}],"Entrypoint":["/p"]}}',
      '{"Settings":{"Env":["A=***"],"Args":[],"Mounts":[{"Source":"***"}]},"Config":{"Env":[{"Name":"A","Description":"d","Settable":["value"],"Value":"***"}],"Entrypoint":["***"]}}',
    ],
    [
      'a network by the name of a field as a network',
      '/containers/x/json',
      '{"NetworkSettings":{"Networks":{"Args":{"IPAddress":"10.0.0.2","NetworkID":"n"},"Env":{"Gateway":"10.0.0.1"}}}}',
      '{"NetworkSettings":{"Networks":{"Args":{"IPAddress":"","NetworkID":"n"},"Env":{"Gateway":""}}}}',
    ],
    [
      'a variable whose name is written with escapes',
      '/containers/x/json',
      '{"Config":{"Env":["A\\u003db","\\u0041=b","\\u0041"]}}',
      '{"Config":{"Env":["***","***","***"]}}',
    ],
    [
      'labels among the words of an event, and what was executed',
      '/events',
      '{"status":"exec_create: sh -c x","Type":"container","Action":"exec_create: sh -c x","Actor":{"ID":"i","Attributes":{"image":"b","name":"n","l":"x"}}}',
      '{"status":"exec_create: ***","Type":"container","Action":"exec_create: ***","Actor":{"ID":"i","Attributes":{"image":"b","name":"n","l":"***"}}}',
    ],
    [
      'all that an image says of how it was built',
      '/images/x/attestations',
      '[{"Statement":{"args":{"build-arg:A":"s"},"n":1}}]',
      '[{"Statement":{"args":{"build-arg:A":"***"},"n":1}}]',
    ],
    [
      'what BuildKit has executed, and what it keeps',
      '/system/df',
      '{"BuildCache":[{"ID":"a","Type":"regular","Description":"mount / from exec /bin/sh -c make"}]}',
      '{"BuildCache":[{"ID":"a","Type":"regular","Description":"***"}]}',
    ],
    [
      'whom a service asks for names',
      '/services/x',
      '{"Spec":{"TaskTemplate":{"ContainerSpec":{"DNSConfig":{"Nameservers":["10.0.0.3"],"Search":["a.example"]}}}}}',
      '{"Spec":{"TaskTemplate":{"ContainerSpec":{"DNSConfig":{"Nameservers":[""],"Search":["a.example"]}}}}}',
    ],
    [
      'of which subnets a swarm takes its own',
      '/swarm',
      '{"DefaultAddrPool":["10.20.0.0/16"],"SubnetSize":24}',
      '{"DefaultAddrPool":[""],"SubnetSize":24}',
    ],
    [
      'which device of the host is slowed down',
      '/containers/x/json',
      '{"HostConfig":{"BlkioDeviceReadBps":[{"Path":"/dev/x","Rate":1}]}}',
      '{"HostConfig":{"BlkioDeviceReadBps":[{"Path":"***","Rate":1}]}}',
    ],
    [
      'the settings of a daemon that has read them again',
      '/events',
      '{"Type":"daemon","Action":"reload","Actor":{"ID":"i","Attributes":{"labels":"[a=b]","name":"host","default-address-pools":"[10.0.0.0/8]"}}}',
      '{"Type":"daemon","Action":"reload","Actor":{"ID":"i","Attributes":{"labels":"***","name":"host","default-address-pools":"***"}}}',
    ],
    [
      'the health of a container as it is',
      '/events',
      '{"status":"health_status: healthy","Type":"container","Action":"health_status: healthy","Actor":{"ID":"i","Attributes":{}}}',
      '{"status":"health_status: healthy","Type":"container","Action":"health_status: healthy","Actor":{"ID":"i","Attributes":{}}}',
    ],
  ]
  for (const [what, path, raw, masked] of rows) {
    it(`masks ${what}`, () => {
      const operation = readOperation('GET', path)
      assert.ok(!isFailure(operation))
      assert.equal(editJson(raw, createMask(readHide(hideKinds), operation, raw)), masked)
    })
  }

  it('takes the build’s arguments for all that stands before the last shell', () => {
    const operation = readOperation('GET', '/images/x/history')
    assert.ok(!isFailure(operation))
    const mask = (step: string) => {
      const raw = JSON.stringify({ CreatedBy: step })
      return JSON.parse(editJson(raw, createMask(readHide(['args']), operation, raw))).CreatedBy
    }
    assert.equal(mask('|1 A=s /bin/sh -c x /bin/sh -c make'), '|1 *** /bin/sh -c make')
    assert.equal(
      mask('RUN |1 A=s /bin/sh -c make # buildkit'),
      'RUN |1 *** /bin/sh -c make # buildkit',
    )
    assert.equal(mask('|1 A=s /bin/bash -c make'), '|1 ***')
    assert.equal(mask('/bin/sh -c #(nop)  ARG A=s'), '/bin/sh -c #(nop)  ARG A=***')
    assert.equal(mask('/bin/sh -c make'), '/bin/sh -c make')
  })
})
