import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { FromStringShapeDeserializer, JsonCodec } from "@smithy/core/protocols";
import { NormalizedSchema } from "@smithy/core/schema";
import type { SchemaRef, StaticOperationSchema, StaticStructureSchema } from "@smithy/types";
import { isForThisMachine, readBody } from "./httpServer.ts";

/** An operation that the local cloud implements. */
export interface Operation {
  /** The input's members that it honours; a request with any other is refused by name. */
  readonly members: readonly string[];
  /**
   * The ARNs of what a call touches, about which IAM's policies decide; `*` where the action takes no resource.
   * @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
   */
  readonly arns: (input: object) => readonly string[];
  readonly run: (input: object) => object | Promise<object>;
}

/** Types an operation's input. The SDK's schema guarantees that required members are there before `arns` and `run` see it. */
export function operation<Input extends object>(
  members: readonly (keyof Input & string)[],
  arns: (input: Input) => readonly string[],
  run: (input: Input) => object | Promise<object>,
): Operation {
  return { members, arns: (input) => arns(input as Input), run: (input) => run(input as Input) };
}

/** An AWS service, as the local endpoint serves it. */
export interface AwsService {
  /** The name in a request's credential scope, e.g. `lambda`. */
  readonly signingName: string;
  /** The module of an SDK client, which exports the schema of each operation as `<Operation>$`. */
  readonly schemas: object;
  /** By operation name, e.g. `GetFunction`. */
  readonly operations: Readonly<Record<string, Operation>>;
}

/** An error that a service answers with, by the name that the SDK knows it under. */
export class AwsError extends Error {
  override readonly name: string;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** A request that the endpoint has understood. */
export interface Call {
  /** Who has signed it: a build signs with its project's name. */
  readonly accessKeyId: string;
  /** The service's signing name, e.g. `lambda`. */
  readonly service: string;
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

const maxRequestBytes = 100 * 1024 * 1024;

/**
 * The AWS API of the local cloud. Routing, binding and validation come from the schemas that the SDK's clients carry, so that a service
 * is only what its operations do. Credentials are not checked: the endpoint is on 127.0.0.1 only. Emits `call` with each request before
 * its operation runs.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export class AwsEndpoint extends EventEmitter<{ call: [Call] }> {
  readonly services: readonly AwsService[];
  /** By service; made once, since a client has a hundred operations. */
  readonly #routes: ReadonlyMap<AwsService, readonly Route[]>;

  constructor(services: readonly AwsService[]) {
    super();
    this.services = services;
    this.#routes = new Map(services.map((service) => [service, routesOf(service)]));
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, headers, body } = await this.#answer(request).catch((error: unknown) => this.#errorReply(error));
    const type = { "content-type": "application/json", "x-amzn-requestid": randomUUID() };
    response.writeHead(status, { ...type, ...headers }).end(body);
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const [, accessKeyId = "", signingName] =
      /Credential=([^/]+)\/\d{8}\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? "") ?? [];
    if (!signingName || !isForThisMachine(request)) {
      throw new AwsError("MissingAuthenticationTokenException", "the request is not signed, or not for 127.0.0.1");
    }
    const service = this.services.find((candidate) => candidate.signingName === signingName);
    if (!service) {
      throw notImplemented(
        signingName,
        this.services.map((known) => known.signingName),
      );
    }
    const { schema, labels } = route(service, this.#routes.get(service) ?? [], request);
    const name = schema[2];
    const implemented = service.operations[name];
    if (!implemented) {
      throw notImplemented(`${signingName}:${name}`, Object.keys(service.operations));
    }
    const input = await readInput(schema, labels, request, await readBody(request, maxRequestBytes));
    const unknown = Object.keys(input).filter((member) => !implemented.members.includes(member));
    if (unknown.length > 0) {
      throw notImplemented(`${unknown.join(", ")} of ${signingName}:${name}`, implemented.members);
    }
    this.emit("call", { accessKeyId, service: signingName, operation: name, input });
    return writeOutput(schema, { ...(await implemented.run(input)) });
  }

  #errorReply(error: unknown): Reply {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const schema = this.services.flatMap(({ schemas }) => Object.entries(schemas)).find(([key]) => key === `${name}$`);
    const status = error instanceof AwsError ? (schema?.[1][3]?.httpError ?? commonErrors[name] ?? 400) : 500;
    return { status, headers: { "x-amzn-errortype": name }, body: JSON.stringify({ __type: name, message }) };
  }
}

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

/** The errors of no single service. @see https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html */
const commonErrors: Readonly<Record<string, number>> = {
  MissingAuthenticationTokenException: 403,
  NotImplemented: 501,
};

function notImplemented(what: string, known: readonly string[]): AwsError {
  return new AwsError("NotImplemented", `the local cloud does not implement ${what}; it knows ${known.join(", ")}`);
}

const settings = { timestampFormat: { useTrait: true, default: 7 }, httpBindings: true, jsonName: true } as const;
const codec = new JsonCodec(settings);
const fromString = new FromStringShapeDeserializer(settings);

/** How an operation is asked for in the REST protocol. */
interface Route {
  readonly schema: StaticOperationSchema;
  readonly method: string;
  readonly path: RegExp;
}

function routesOf({ schemas }: AwsService): Route[] {
  return Object.values(schemas)
    .filter(isOperation)
    .map((schema) => {
      const [method, path] = httpTrait(schema);
      return { schema, method, path: new RegExp(`^${path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}/?$`) };
    });
}

/** The operation that a request asks for: by `X-Amz-Target` in the JSON protocol, by method and path in the REST one. */
function route({ signingName }: AwsService, routes: readonly Route[], request: IncomingMessage) {
  const target = request.headers["x-amz-target"]?.toString().split(".")[1];
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  for (const { schema, method, path } of routes) {
    const labels = target === undefined && method === request.method ? matchPath(path, pathname) : undefined;
    if (labels || schema[2] === target) {
      return { schema, labels: labels ?? {} };
    }
  }
  throw new AwsError(
    "UnknownOperationException",
    `${signingName} has no operation ${target ?? `${request.method} ${pathname}`}`,
  );
}

function isOperation(schema: unknown): schema is StaticOperationSchema {
  return Array.isArray(schema) && schema[0] === 9;
}

function httpTrait([, , , traits]: StaticOperationSchema): readonly [method: string, path: string, status: number] {
  return (typeof traits === "object" && traits.http) || ["", "", 200];
}

function matchPath(path: RegExp, pathname: string): Record<string, string> | undefined {
  const found = path.exec(pathname);
  try {
    const labels = Object.entries(found?.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
    return found ? Object.fromEntries(labels) : undefined;
  } catch {
    throw new AwsError("SerializationException", `the path ${pathname} is not percent-encoded as it should be`);
  }
}

async function readInput(
  operationSchema: StaticOperationSchema,
  labels: Readonly<Record<string, string>>,
  request: IncomingMessage,
  body: Buffer,
): Promise<Record<string, unknown>> {
  const schema = NormalizedSchema.of(operationSchema[4] as SchemaRef);
  const query = new URL(request.url ?? "/", "http://localhost").searchParams;
  const members = [...schema.structIterator()].map(([name, member]) => ({ name, member, ...member.getMergedTraits() }));
  const isPayload = members.some(({ httpPayload }) => httpPayload);
  const content = isPayload || body.byteLength === 0 ? {} : await readJson(schema, body);
  const input: Record<string, unknown> = {};
  for (const { name, member, httpLabel, httpQuery, httpHeader, httpPayload } of members) {
    const text =
      (httpLabel && labels[name]) ||
      (httpQuery && query.get(httpQuery)) ||
      (httpHeader && request.headers[httpHeader.toLowerCase()]);
    const value = httpPayload ? body : text ? fromString.read(member, String(text)) : content[name];
    if (value !== undefined) {
      input[name] = value;
    }
  }
  const [, , , , names, , required = 0] = schema.getSchema() as StaticStructureSchema;
  const missing = names.slice(0, required).filter((name) => input[name] === undefined);
  if (missing.length > 0) {
    throw new AwsError("ValidationException", `${operationSchema[2]} requires ${missing.join(", ")}`);
  }
  return input;
}

async function readJson(schema: NormalizedSchema, body: Buffer): Promise<Record<string, unknown>> {
  try {
    return await codec.createDeserializer().read(schema, body.toString());
  } catch {
    throw new AwsError("SerializationException", "the request's body is not JSON");
  }
}

function writeOutput(operationSchema: StaticOperationSchema, output: Record<string, unknown>): Reply {
  const schema = NormalizedSchema.of(operationSchema[5] as SchemaRef);
  const status = httpTrait(operationSchema)[2];
  const headers: Record<string, string> = {};
  let payload: Uint8Array | undefined;
  for (const [name, member] of schema.structIterator()) {
    const { httpHeader, httpPayload } = member.getMergedTraits();
    if (httpHeader && output[name] !== undefined) {
      headers[httpHeader.toLowerCase()] = String(output[name]);
    } else if (httpPayload) {
      payload = output[name] as Uint8Array;
    }
  }
  if (schema.isUnitSchema()) {
    return { status, headers, body: "{}" };
  }
  const serializer = codec.createSerializer();
  serializer.write(schema, output);
  return { status, headers, body: payload ?? serializer.flush() };
}
