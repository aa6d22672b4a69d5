/** The item feature as Nest's documentation writes it: controller, service, validated DTO. */
import {
  Body,
  Controller,
  Get,
  Injectable,
  Module,
  NotFoundException,
  Param,
  Post,
  ValidationPipe,
} from '@nestjs/common';
import { ArrayMaxSize, IsArray, IsInt, IsString, Length, Max, Min } from 'class-validator';
import { ItemStore, type Item } from '../../shared/items.js';

class CreateItemDto {
  @IsString()
  @Length(1, 100)
  name!: string;

  @IsInt()
  @Min(0)
  @Max(100_000_000)
  priceAmount!: number;

  @IsArray()
  @ArrayMaxSize(10)
  @IsString({ each: true })
  @Length(1, 32, { each: true })
  tags!: string[];
}

@Injectable()
export class ItemsRepository {
  readonly #store = new ItemStore();

  async find(id: string): Promise<Item | undefined> {
    return this.#store.find(id);
  }

  async insert(input: CreateItemDto): Promise<Item> {
    return this.#store.insert(input);
  }
}

@Injectable()
export class ItemsService {
  constructor(private readonly items: ItemsRepository) {}

  async get(id: string): Promise<Item> {
    const item = await this.items.find(id);
    if (!item) throw new NotFoundException('no such item');
    return item;
  }

  create(input: CreateItemDto): Promise<Item> {
    return this.items.insert(input);
  }
}

@Controller('v1/items')
export class ItemsController {
  constructor(private readonly items: ItemsService) {}

  @Get(':id')
  get(@Param('id') id: string): Promise<Item> {
    return this.items.get(id);
  }

  @Post()
  create(
    @Body(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }))
    input: CreateItemDto,
  ): Promise<Item> {
    return this.items.create(input);
  }
}

@Module({ controllers: [ItemsController], providers: [ItemsService, ItemsRepository] })
export class ItemsModule {}
