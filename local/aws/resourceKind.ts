import { randomBytes } from "node:crypto";
import { strictObject, z } from "zod";

/** A resource's id, and the outputs that are not inputs. */
export type Outputs = { readonly id: string; readonly [output: string]: unknown };

/** What the local cloud does for resources of one type. */
export interface Kind {
  readonly inputs: z.ZodType;
  readonly properties: readonly string[];
  /** The properties whose change takes a new resource. */
  readonly replaceOn: readonly string[];
  /** Creates a resource, or changes the one with the id. */
  readonly put: (inputs: unknown, name: string, id?: string) => Outputs | Promise<Outputs>;
  readonly delete: ((inputs: unknown, id: string) => void | Promise<void>) | undefined;
  /** The id of the resource that a new one of these inputs would meet, and what AWS says of it; undefined where it takes another. */
  readonly conflict: ((inputs: unknown) => Conflict | undefined) | undefined;
}

/** A resource that an account has once, and the error that refuses a second. */
export interface Conflict {
  readonly id: string;
  readonly error: string;
}

/**
 * The life cycle of a type's resources.
 *
 * @param shape The properties that they take; any other is refused.
 * @param replaceOn The properties whose change takes a new resource.
 * @param conflict What refuses a second resource of the same name.
 */
export function kind<Shape extends z.ZodRawShape>(
  shape: Shape,
  replaceOn: readonly (keyof Shape & string)[],
  put: (inputs: z.infer<z.ZodObject<Shape>>, name: string, id?: string) => Outputs | Promise<Outputs>,
  remove?: (inputs: z.infer<z.ZodObject<Shape>>, id: string) => void | Promise<void>,
  conflict?: (inputs: z.infer<z.ZodObject<Shape>>) => Conflict | undefined,
): Kind {
  type Inputs = z.infer<z.ZodObject<Shape>>;
  return {
    inputs: strictObject(shape),
    properties: Object.keys(shape),
    replaceOn,
    put: (inputs, name, id) => put(inputs as Inputs, name, id),
    delete: remove && ((inputs, id) => remove(inputs as Inputs, id)),
    conflict: conflict && ((inputs) => conflict(inputs as Inputs)),
  };
}

/** A property that the provider computes where it is left out, and that so keeps the value that it had: Optional and Computed in its schema. */
export function computed<Schema extends z.ZodType>(schema: Schema): z.ZodOptional<Schema> {
  return schema.optional().meta({ computed: true });
}

/**
 * The inputs of an update, as the bridged provider completes them: with the old values of the computed properties that are left out.
 *
 * @param olds The resource's outputs so far.
 * @see https://developer.hashicorp.com/terraform/plugin/sdkv2/schemas/schema-behaviors#computed
 */
export function completed(schema: z.ZodType, olds: unknown, news: unknown): unknown {
  const objects = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  if (!(objects instanceof z.ZodObject) || !isObject(olds) || !isObject(news)) {
    return news;
  }
  const properties: [string, z.ZodType][] = Object.entries(objects.shape);
  const kept = properties.flatMap(([name, property]) => {
    const old = olds[name];
    if (news[name] !== undefined) {
      return [[name, completed(property, old, news[name])]];
    }
    return property.meta()?.computed && old !== undefined ? [[name, old]] : [];
  });
  return { ...news, ...Object.fromEntries(kept) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The physical name that the provider makes of a logical one. */
export function autoName(logicalName: string, maxLength: number): string {
  const name = `${logicalName}-${randomHex(7)}`;
  if (name.length > maxLength) {
    throw new Error(`${logicalName}: a name of more than ${maxLength} characters, ${name}, is not possible`);
  }
  return name;
}

/** Random digits that AWS or the provider makes up. */
export function randomHex(length: number): string {
  return randomBytes(length).toString("hex").slice(0, length);
}

/** Whether a value takes as many characters as AWS allows: of strings as they are, of documents without white space. */
export function shorterThan(maxLength: number): (value: unknown) => boolean {
  return (value) => JSON.stringify(value).length <= maxLength;
}
