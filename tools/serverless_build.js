'use strict';

// Builds the artifact before it is packaged, so that `serverless deploy` is the only step.

const { spawnSync } = require('node:child_process');

module.exports = class BuildLambda {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = { 'before:package:initialize': () => this.build() };
  }

  build() {
    const { provider, package: pack } = this.serverless.service;
    const script = ['tools/build_lambda.py', '--runtime', provider.runtime, '--arch', provider.architecture];
    this.run(findPython(provider.runtime), [...script, '--out', pack.artifact]);
  }

  run(python, args) {
    const { status } = spawnSync(python, args, { stdio: 'inherit', cwd: this.serverless.serviceDir });
    if (status !== 0) throw new this.serverless.classes.Error(`${python} ${args.join(' ')} failed`, 'ARTIFACT_NOT_BUILT');
  }
};

// The Python of the runtime's version, which alone can compile for it, or else any.
function findPython(runtime) {
  if (process.env.PYTHON) return process.env.PYTHON;
  return spawnSync(runtime, ['--version']).status === 0 ? runtime : 'python3';
}
