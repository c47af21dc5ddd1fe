// What models can do, from GET models.

// A description for an alias: that of the first member that is known. What it cannot tell is left out.
export class ModelList {
  constructor(gateway) {
    this.gateway = gateway;
    this.listed = [];
    this.known = new Map();
    this.contract = null;
    this.takesKeys = true;
    this.hasJobs = false;
  }

  async load(signal) {
    this.listed = await this.gateway.models(signal);
    const description = await this.gateway.description(signal);
    this.contract = description?.components?.schemas?.GenerationRequest ?? null;
    this.hasJobs = description?.paths?.['/images/jobs'] !== undefined;
    this.takesKeys = description?.security?.length !== 0;
    this.known = new Map(this.listed.map((model) => [model.id, model]));
    const members = new Set(this.listed.flatMap((model) => (model.alias?.models ?? []).map((member) => member.model)));
    await Promise.all([...members].filter((name) => !this.known.has(name)).map((name) => this.learn(name)));
  }

  // A model that the catalogue does not list by name. A caller may not be allowed to see it.
  async learn(name) {
    try {
      this.known.set(name, await this.gateway.model(name));
    } catch {
      // it stays unknown
    }
  }

  // The model that is called for this name, or null.
  resolved(id) {
    const model = this.known.get(id);
    if (model === undefined) {
      return null;
    }
    if (model.alias === undefined) {
      return model;
    }
    const members = model.alias.models.map((member) => this.known.get(member.model));
    return members.find((member) => member !== undefined && member.alias === undefined) ?? null;
  }

  canDo(id, operation) {
    const model = this.known.get(id);
    if (model === undefined || model.status === 'shut_down') {
      return false;
    }
    if (model.alias !== undefined) {
      const members = model.alias.models.map((member) => this.known.get(member.model)).filter((member) => member !== undefined);
      return members.length === 0 ? operation === 'generate' : members.some((member) => member.operations?.includes(operation));
    }
    return model.operations.includes(operation);
  }

  // Of what the gateway lists, in groups: aliases first, then each provider's models.
  groupsFor(operation) {
    const groups = new Map();
    for (const model of this.listed.filter((each) => this.canDo(each.id, operation))) {
      const name = model.alias === undefined ? model.owned_by : 'Aliases';
      groups.set(name, [...(groups.get(name) ?? []), model]);
    }
    return groups;
  }

  operations() {
    return ['generate', 'edit', 'variation'].filter((operation) => this.listed.some((model) => this.canDo(model.id, operation)));
  }
}

// The parameters that a model takes for an operation: a control that it lacks is absent.
export function parametersFor(model, operation, masked) {
  const parameters = {...(model?.supported_parameters ?? {prompt: {type: 'string'}})};
  const inputs = model?.inputs;
  const without = operation === 'generate' ? [] : [
    ...(inputs?.excludes ?? []),
    ...(operation === 'variation' ? ['prompt', 'negative_prompt', ...(inputs?.variation_excludes ?? [])] : []),
    ...(masked ? inputs?.mask?.excludes ?? [] : []),
  ];
  for (const name of without) {
    delete parameters[name];
  }
  if (operation === 'generate') {
    delete parameters.input_fidelity;
    delete parameters.strength;
  }
  return parameters;
}
